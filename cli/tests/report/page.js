// What the tests ask of a page; evaluated in it by the DevTools, which the page's policy does not bind.
((isFarDown) => ({
  // The text of the shown rows' cells in a column.
  column: (index) => [...document.querySelectorAll('#findings tbody tr')].filter((row) => !row.hidden).map((row) => row.cells[index].textContent),

  // What wants to be wider than there is room.
  tooWide: () => {
    const all = [document.documentElement, ...document.querySelectorAll('main *, header *')];
    return all
      .filter((element) => !isFarDown(element))
      .filter((element) => element.checkVisibility() && element.clientWidth > 0 && element.scrollWidth > element.clientWidth + 1)
      .filter((element) => getComputedStyle(element).clipPath === 'none')
      .map((element) => `${element.tagName} ${element.className}: ${element.scrollWidth} in ${element.clientWidth}: ${element.textContent.slice(0, 60)}`);
  },

  // Texts with less contrast than 4.5, as WCAG 2 reckons it, and bars with less than 3.
  tooFaint: () => {
    const parse = (color) => {
      const numbers = color.match(/^rgba?\(([^)]*)\)$/)[1].split(',').map(Number);
      return { light: luminance(numbers), alpha: numbers[3] ?? 1 };
    };
    const luminance = (numbers) => {
      const [red, green, blue] = numbers.slice(0, 3).map((number) => number / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const behind = (element) => {
      for (let at = element; at; at = at.parentElement) {
        const { light, alpha } = parse(getComputedStyle(at).backgroundColor);
        if (alpha === 1) return light;
        if (alpha !== 0) throw new Error(`half transparent: ${at.tagName}`);
      }
      throw new Error('no background');
    };
    const ratio = (one, other) => (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    const found = [];
    let looked = 0;
    const look = (element, color, least, what) => {
      looked += 1;
      const contrast = ratio(parse(color).light, behind(element));
      if (contrast < least) found.push(`${contrast.toFixed(2)} ${element.tagName}.${element.className} ${what}`);
    };
    for (const element of document.querySelectorAll('body *')) {
      if (isFarDown(element) || !element.checkVisibility()) continue;
      const text = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.data.trim()).join('');
      if (element.tagName === 'rect') look(element, getComputedStyle(element).fill, 3, 'bar');
      else if (text && !element.closest('svg')) look(element, getComputedStyle(element).color, 4.5, text.slice(0, 60));
      for (const pseudo of ['::before', '::after', '::placeholder']) {
        const style = getComputedStyle(element, pseudo);
        if (pseudo === '::placeholder' ? element.placeholder : !['none', 'normal'].includes(style.content)) look(element, style.color, 4.5, pseudo);
      }
    }
    return { looked, found };
  },

  // What the rows are made of: elements and their attributes.
  made: () => {
    const elements = [...document.querySelectorAll('#findings tbody *, .list tbody *')];
    const names = elements.flatMap((element) => [element.tagName.toLowerCase(), ...element.getAttributeNames().map((name) => `@${name}`)]);
    return [...new Set(names)].sort();
  },
}))(
  // All rows are of one style, and the first are those with the oddest text: looking at all would take a minute.
  (element) => element.closest('#findings tbody tr')?.sectionRowIndex > 40,
)
