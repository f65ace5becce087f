/** Shows truncated text in full as a tooltip. */
export function sayWhatIsCut(): void {
  document.addEventListener("pointerover", ({ target }) => {
    const text = target instanceof Element && target.closest<HTMLElement>(".truncate, .line-clamp-3");
    if (!text || (text.title && text.dataset.cut === undefined)) return;
    const { scrollWidth, clientWidth, scrollHeight, clientHeight } = text;
    if (scrollWidth > clientWidth || scrollHeight > clientHeight + 1) {
      text.title = text.innerText;
      text.dataset.cut = "";
    } else if (text.dataset.cut !== undefined) {
      text.removeAttribute("title");
      delete text.dataset.cut;
    }
  });
}
