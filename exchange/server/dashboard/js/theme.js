// Dark or light: what the system says, until the visitor says otherwise. Runs before the page is painted, so that it does not flash.
"use strict";
(() => {
  const kept = localStorage.getItem("perplab.theme");
  const system = matchMedia("(prefers-color-scheme: light)");
  const apply = theme => {
    document.documentElement.dataset.theme = theme;
    dispatchEvent(new Event("theme"));
  };
  apply(kept ?? (system.matches ? "light" : "dark"));
  system.addEventListener("change", () => {
    if (!localStorage.getItem("perplab.theme")) apply(system.matches ? "light" : "dark");
  });
  addEventListener("DOMContentLoaded", () =>
    document.getElementById("theme").addEventListener("click", () => {
      const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
      localStorage.setItem("perplab.theme", next);
      apply(next);
    }),
  );
})();
