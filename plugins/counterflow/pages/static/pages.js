// All pages work without this: it filters while one types, moves between cells by arrow keys, follows Airflow's
// colours, and lets links to Airflow leave the frame that the pages stand in.
(() => {
  "use strict";
  const framed = window.parent !== window;

  const follow = () => {
    try {
      const outer = window.parent.document.documentElement;
      const theme = outer.classList.contains("dark") ? "dark" : outer.classList.contains("light") ? "light" : "";
      if (theme) document.documentElement.dataset.theme = theme;
    } catch { /* another origin frames us: keep the system's colours */ }
  };
  if (framed) {
    follow();
    try {
      new MutationObserver(follow).observe(window.parent.document.documentElement, { attributeFilter: ["class"] });
    } catch { /* as above */ }
  }

  for (const link of document.querySelectorAll("a[data-out]")) {
    link.addEventListener("click", (event) => {
      if (!framed || event.ctrlKey || event.metaKey || event.shiftKey) return;
      try {
        // Airflow's frame may not navigate its parent; a link of the parent's own document may.
        const outer = window.parent.document;
        const own = outer.createElement("a");
        own.href = link.href;
        outer.body.append(own);
        event.preventDefault();
        own.click();
        own.remove();
      } catch { /* let the link do what it does */ }
    });
  }

  const field = document.querySelector("[data-filter]");
  const matrix = document.querySelector("[data-matrix]");
  if (field && matrix) {
    const rows = [...matrix.tBodies[0].rows];
    const shown = document.querySelector("[data-shown]");
    const all = shown.textContent;
    field.addEventListener("input", () => {
      const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      let count = 0;
      for (const row of rows) {
        row.hidden = !words.every((word) => row.dataset.text.includes(word));
        count += row.hidden ? 0 : 1;
      }
      shown.textContent = words.length ? `${count} of ${rows.length} shown` : all;
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "/" && !event.target.closest("input, select, textarea")) {
        event.preventDefault();
        field.focus();
      }
    });
    const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    matrix.addEventListener("keydown", (event) => {
      const step = steps[event.key];
      const cell = event.target.closest("td, th");
      if (!step || !cell || event.altKey || event.ctrlKey || event.metaKey) return;
      let row = cell.parentElement;
      let column = cell.cellIndex;
      for (;;) {
        column += step[1];
        if (step[0]) row = step[0] < 0 ? row.previousElementSibling : row.nextElementSibling;
        const next = row && row.cells[column];
        if (!next) return;
        const link = row.hidden ? null : next.querySelector("a");
        if (link) {
          event.preventDefault();
          link.focus();
          return;
        }
      }
    });
  }
})();
