"use strict";
for (const button of document.querySelectorAll(".command button")) {
  const text = button.parentElement.querySelector("pre");
  button.hidden = false;
  button.addEventListener("click", () => {
    getSelection().selectAllChildren(text);
    if (navigator.clipboard) navigator.clipboard.writeText(text.textContent).then(() => { button.textContent = "Copied"; }, () => {});
  });
}
for (const box of document.querySelectorAll("[data-find]")) {
  const body = box.querySelector("tbody"), heads = [...box.querySelectorAll("thead th")], rows = [...body.rows];
  const tools = box.querySelector(".tools"), words = box.querySelector("input"), group = box.querySelector("select");
  const said = box.querySelector("output");
  const show = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      const fits = (!group.value || row.dataset.group === group.value) && wanted.every((word) => text.includes(word));
      row.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    said.textContent = `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")} shown`;
  };
  const value = (row, place) => row.cells[place].dataset.sort ?? row.cells[place].textContent.trim();
  heads.forEach((head, place) => {
    head.querySelector("button").addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      rows.sort((a, b) => value(a, place).localeCompare(value(b, place), "en", { numeric: true }) * (down ? -1 : 1));
      body.append(...rows);
    });
  });
  words.addEventListener("input", show);
  group.addEventListener("change", show);
  tools.hidden = false;
  show();
}
