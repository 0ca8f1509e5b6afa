// The page of a sweep, from the data in it.

// -- maps: a colour for each median --

const host = document.getElementById("mapped"), chosen = document.getElementById("metric");   // none where no seed is whole
const NONE = "–";

// Least and most of each scenario, in the metric of this number.
function ends(metric) {
  return DATA.medians.map(each => {
    const values = Object.values(each).map(one => one[metric]).filter(v => v !== null);
    return [Math.min(...values), Math.max(...values)];
  });
}
function nameInto(node, name) {   // long names break behind their underscores
  name.split("_").forEach((part, i, parts) => {
    node.append(i < parts.length - 1 ? `${part}_` : part);
    if (i < parts.length - 1) element("wbr", "", node);
  });
  return node;
}
function cellInto(row, place, metric, scales) {
  const cell = element("td", "", row);
  const value = place && DATA.medians[place[0]][place[1]][metric];
  if (value === null || value === undefined) {
    cell.textContent = place ? NONE : "";
    cell.className = place ? "" : "not-run";
    return;
  }
  const [least, most] = scales[place[0]], one = DATA.metrics[metric];
  cell.textContent = short(value);
  cell.title = `${place[1]}: ${short(value)} ${one.unit}`;
  cell.style.setProperty("--share", most > least ? ((value - least) / (most - least)).toFixed(3) : "0");
  if (DATA.sure[place[0]][place[1]].includes(metric)) cell.className = "sure";
}
function drawMap(map, metric, scales) {
  const figure = element("figure", "", host);
  if (map.title) element("h3", "", figure, map.title);
  const table = element("table", "map", element("div", "wide-table", figure));
  const head = element("tr", "", element("thead", "", table));
  element("th", "", head, `${map.down} \\ ${map.across}`).scope = "col";
  for (const name of map.columns) nameInto(element("th", "", head), name).scope = "col";
  const body = element("tbody", "", table);
  map.rows.forEach((name, i) => {
    const row = element("tr", "", body);
    nameInto(element("th", "", row), name).scope = "row";
    for (const place of map.cells[i]) cellInto(row, place, metric, scales);
  });
}
function drawMaps() {
  const metric = Number(chosen.value) || 0, scales = ends(metric);
  host.replaceChildren();
  element("p", "only-print", host, `${DATA.metrics[metric].label} [${DATA.metrics[metric].unit}]`);
  host.className = DATA.maps.length > 1 ? "maps" : "";
  for (const map of DATA.maps) drawMap(map, metric, scales);
}
if (host) {
  DATA.metrics.forEach((one, i) => { const option = element("option", "", chosen, `${one.label} [${one.unit}]`); option.value = i; });
  chosen.addEventListener("change", drawMaps);
  drawMaps();
}

// -- scenarios --

DATA.reports.forEach((data, i) => new Spread(document.getElementById(`spread${i}`), document.getElementById(`metric${i}`), data));
