'use strict';
// Sorts the table and chooses its rows. It only ever moves, hides and shows what is there, and sets text: nothing that comes from a record becomes markup.
(() => {
  const table = document.getElementById('findings');
  if (!table) return;
  const byId = (id) => document.getElementById(id);
  const [body] = table.tBodies;
  const headings = [...table.tHead.rows[0].cells];
  const [TIME, VERDICT, RULE, ACCOUNT, ACTOR] = [0, 1, 2, 3, 5];
  const columns = { verdict: VERDICT, rule: RULE, account: ACCOUNT, actor: ACTOR };
  const weight = ['revert', 'quarantine', 'alert', 'depends', 'exempt'];

  // What a cell says first is what it is sorted and chosen by; the small print below it can only be searched.
  const rows = [...body.rows].map((element) => ({
    element,
    cells: [...element.cells].map((cell, index) => (index === headings.length - 1 ? cell : cell.firstChild ?? cell).textContent),
    time: element.cells[TIME].querySelector('time')?.dateTime ?? '',
    // Each on a line of its own: no search finds the end of one and the beginning of the next.
    text: [...element.cells].flatMap((cell) => [...cell.childNodes].map((node) => node.textContent)).join('\n').toLowerCase(),
  }));

  const compareText = new Intl.Collator('en', { numeric: true }).compare;
  const comparers = new Map([
    // What tells no time counts as older than everything.
    [TIME, (one, other) => (one.time > other.time) - (one.time < other.time)],
    [VERDICT, (one, other) => weight.indexOf(one.cells[VERDICT]) - weight.indexOf(other.cells[VERDICT])],
  ]);
  const compare = (column) => comparers.get(column) ?? ((one, other) => compareText(one.cells[column], other.cells[column]));

  const sort = (column) => {
    const was = headings[column].getAttribute('aria-sort');
    // Of times, the newest come first.
    const descending = was ? was === 'ascending' : column === TIME;
    const order = compare(column);
    rows.sort(descending ? (one, other) => order(other, one) : order);
    headings.forEach((heading) => heading.removeAttribute('aria-sort'));
    headings[column].setAttribute('aria-sort', descending ? 'descending' : 'ascending');
    table.caption.textContent = `Sorted by ${headings[column].textContent.toLowerCase()}, ${descending ? 'descending' : 'ascending'}.`;
    body.append(...rows.map((row) => row.element));
  };

  const pickers = [...document.querySelectorAll('button[data-kind]')];
  const chosen = new Map();
  const isChosen = ({ kind, value }) => chosen.get(kind)?.has(value) ?? false;
  const toggle = ({ kind, value }) => {
    const values = chosen.get(kind) ?? new Set();
    if (!values.delete(value)) values.add(value);
    if (values.size) chosen.set(kind, values);
    else chosen.delete(kind);
  };

  const show = () => {
    const words = byId('text').value.toLowerCase().split(/\s+/).filter(Boolean);
    const kinds = [...chosen];
    let shown = 0;
    for (const row of rows) {
      const fits = kinds.every(([kind, values]) => values.has(row.cells[columns[kind]])) && words.every((word) => row.text.includes(word));
      row.element.hidden = !fits;
      shown += fits;
    }
    const count = (number) => number.toLocaleString('en');
    byId('shown').textContent = shown === rows.length ? `${count(shown)} rows` : `${count(shown)} of ${count(rows.length)} rows`;
    byId('nothing').hidden = shown > 0;
    byId('all').hidden = !words.length && !kinds.length;
    pickers.forEach((picker) => picker.setAttribute('aria-pressed', isChosen(picker.dataset)));
    const without = kinds.flatMap(([kind, values]) =>
      [...values].map((value) => {
        const button = document.createElement('button');
        button.type = 'button';
        button.textContent = `${kind}: ${value}`;
        button.title = 'Leave this condition out';
        button.addEventListener('click', () => {
          toggle({ kind, value });
          show();
          byId('text').focus();
        });
        return button;
      }));
    byId('chosen').replaceChildren(...without);
  };

  headings.forEach((heading, column) => {
    const [button] = heading.children;
    button.disabled = false;
    button.addEventListener('click', () => sort(column));
  });
  headings[VERDICT].setAttribute('aria-sort', 'ascending');
  pickers.forEach((picker) => {
    picker.disabled = false;
    picker.addEventListener('click', () => {
      toggle(picker.dataset);
      show();
    });
  });
  let waiting;
  byId('text').addEventListener('input', () => {
    clearTimeout(waiting);
    waiting = setTimeout(show, 100);
  });
  byId('all').addEventListener('click', () => {
    chosen.clear();
    byId('text').value = '';
    show();
    byId('text').focus();
  });
  document.querySelector('.controls').hidden = false;
  show();
})();
