/** When somebody can see an element. */

/** Call back once, when at least half of an element is visible, or it fills half of the screen. */
export function whenVisible(element: Element, then: () => void): void {
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { intersectionRatio, intersectionRect } of entries) {
        if (intersectionRatio < 0.5 && intersectionRect.height < innerHeight / 2) continue;
        observer.disconnect();
        return then();
      }
    },
    { threshold: [0, 0.25, 0.5] },
  );
  observer.observe(element);
}
