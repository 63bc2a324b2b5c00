// Of every text in sight: what it says, its contrast to what lies under it, and both colours.
// A disabled button need not be read (WCAG 2.1, 1.4.3); words on marks have a test of their own.
() => {
  const colour = (text) => {
    const [red, green, blue, alpha = 1] = text.match(/[\d.]+/g).map(Number);
    return [red, green, blue, alpha];
  };
  const over = (top, under) => under.slice(0, 3).map((part, i) => part + (top[i] - part) * top[3]);
  const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  const light = (parts) => [0.2126, 0.7152, 0.0722].reduce((sum, weight, i) => sum + weight * linear(parts[i] / 255), 0);
  const own = (each) => [...each.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.data);
  const found = [];
  for (const each of document.querySelectorAll("body *:not(:disabled, script, style, option)")) {
    const text = own(each).join("").trim();
    if (!text || !each.checkVisibility()) continue;
    const line = [];
    for (let at = each; at; at = at.parentElement) line.unshift(getComputedStyle(at));
    let ground = [255, 255, 255];
    let share = 1;
    for (const { backgroundColor, opacity } of line) {
      if (backgroundColor.startsWith("rgb")) ground = over(colour(backgroundColor), ground);
      share *= Number(opacity);
    }
    if (share === 0) continue; // Vega hides labels that would overlap so
    const style = line.at(-1);
    const ink = colour(each instanceof SVGElement ? style.fill : style.color);
    const shown = over([...ink.slice(0, 3), ink[3] * share], ground);
    const [dark, bright] = [light(shown), light(ground)].sort((one, other) => one - other);
    found.push([text.slice(0, 60), (bright + 0.05) / (dark + 0.05), shown.join(), ground.join()]);
  }
  return found;
}
