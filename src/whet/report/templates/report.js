"use strict";
for (const box of document.querySelectorAll(".filter")) {
  const rows = [...document.getElementById(box.dataset.table).tBodies[0].rows];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const input = box.querySelector("input");
  const output = box.querySelector("output");
  const show = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    rows.forEach((row, place) => {
      row.hidden = !words.every((word) => texts[place].includes(word));
      found += row.hidden ? 0 : 1;
    });
    output.textContent = box.dataset.found.replace("{found}", found).replace("{count}", rows.length);
  };
  input.addEventListener("input", show);
  box.hidden = false;
  show();
}
