/** The contrast (WCAG 2) of every visible text of the page with what is behind it. */
() => {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  canvas.width = canvas.height = 1;

  // Painted, because computed colours come in many notations.
  const paint = (colours) => {
    context.clearRect(0, 0, 1, 1);
    for (const colour of colours) {
      context.fillStyle = colour;
      context.fillRect(0, 0, 1, 1);
    }
    return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };

  const luminance = (rgb) => {
    const [r, g, b] = rgb
      .map((byte) => byte / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };

  const behind = (element) => {
    const grounds = [];
    for (let one = element; one; one = one.parentElement)
      grounds.unshift(getComputedStyle(one).backgroundColor);
    return ["white", ...grounds];
  };

  const hasText = (element) =>
    element.value || [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());

  const isSeen = (element) => {
    const { width, height } = element.getBoundingClientRect();
    return width > 1 && height > 1 && element.checkVisibility({ visibilityProperty: true });
  };

  // A transition would be measured half way.
  for (const animation of document.getAnimations()) animation.finish();
  return [...document.body.querySelectorAll("*")]
    .filter((element) => hasText(element) && isSeen(element))
    .map((element) => {
      const grounds = behind(element);
      const lights = [
        luminance(paint(grounds)),
        luminance(paint([...grounds, getComputedStyle(element).color])),
      ].sort((a, b) => b - a);
      const ratio = (lights[0] + 0.05) / (lights[1] + 0.05);
      const text = (element.value || element.textContent).trim().slice(0, 40);
      return { element: `${element.localName}.${element.className}`, text, ratio };
    });
};
