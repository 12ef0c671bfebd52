// later does what takes long after the next picture, in a task of its own: what a click has
// to show is shown, and a click that comes first is answered first. What it gives back drops
// it. A page that nobody sees has no pictures: there it is done at once.
export function later(act: () => void): () => void {
  let frame = 0;
  let task = 0;
  const then = () => (task = window.setTimeout(act));
  if (document.hidden) then();
  else frame = requestAnimationFrame(then);
  return () => {
    cancelAnimationFrame(frame);
    clearTimeout(task);
  };
}
