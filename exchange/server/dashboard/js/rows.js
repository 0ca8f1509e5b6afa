// Tables of one's own things, each row with a button. A row and its button stay as long as the thing is there: only texts are written
// anew, so that a button that is pressed slowly, or has the focus, is not taken away meanwhile.

import {el, setClass, setText, table} from "./dom.js";

export class Rows {
  /** `heads`: of the columns, and "" of the buttons; `none`: what is said if there is nothing. */
  constructor(caption, heads, none = "") {
    this.rows = new Map(); // by key
    this.table = table([...heads, ""], [], caption);
    this.body = this.table.querySelector("tbody");
    Object.assign(this, {heads, none});
    this.hint = el("p.hint");
    this.more = el("p.hint");
    this.node = el("div.rows", {}, this.hint, this.table, this.more);
    this.show([]);
  }

  /** `things`: of each its `key`, the texts of its `cells`, the `color` of some by their number, the `button`'s
   * text and `label`, and what it does (`act`); `more` of them than these there are. */
  show(things, more = 0) {
    const keys = new Set(things.map(({key}) => key));
    for (const [key, {node}] of this.rows) {
      if (keys.has(key)) continue;
      node.remove();
      this.rows.delete(key);
    }
    let place = this.body.firstElementChild;
    for (const thing of things) {
      const row = this.rows.get(thing.key) ?? this.make(thing.key);
      if (row.node === place) place = place.nextElementSibling;
      else this.body.insertBefore(row.node, place);
      this.write(row, thing);
    }
    this.table.hidden = !things.length;
    this.node.hidden = !things.length && !this.none;
    setText(this.hint, things.length ? "" : this.none);
    this.more.hidden = !more;
    setText(this.more, more ? `And ${more} more.` : "");
  }

  make(key) {
    const cells = this.heads.map(() => el("span")),
      row = {cells, button: el("button.small", {type: "button", onclick: () => row.act()})};
    row.node = el("tr", {}, ...cells.map((cell, at) => el("td", {"data-head": this.heads[at]}, cell)), el("td", {}, row.button));
    this.rows.set(key, row);
    return row;
  }

  write(row, {cells, color = {}, button, label, act}) {
    row.act = act;
    row.cells.forEach((cell, at) => {
      setText(cell, cells[at] ?? "");
      setClass(cell, color[at] ?? "");
    });
    setText(row.button, button);
    if (row.button.getAttribute("aria-label") !== label) row.button.setAttribute("aria-label", label);
  }
}
