// The screen at the door: asks for itself again, and says so when it cannot. Without scripts the page reloads itself.
'use strict';
(() => {
  const seconds = Number(document.body.dataset.refresh) || 60;
  const lost = (is) => { document.querySelector('.lost').hidden = !is; };
  const again = async () => {
    try {
      const answer = await fetch(location.href, { cache: 'no-store', signal: AbortSignal.timeout(20000) });
      if (!answer.ok) throw new Error(String(answer.status));
      const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html').querySelector('main');
      document.querySelector('main').replaceWith(fresh);
    } catch {
      lost(true);
    }
  };
  setInterval(again, seconds * 1000);
})();
