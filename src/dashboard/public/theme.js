// Before the first paint, and not inline (the content security policy): a chosen theme must not flash the other one.
try {
  const theme = localStorage.getItem('credits-theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // Storage may be forbidden; the system's theme is used then.
}
