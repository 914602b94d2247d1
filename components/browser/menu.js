// Closes the menu after a choice where it lies over the page. Streamlit does so for what calls itself a phone, but not in
// a narrow window; it closes it there when the page is pressed, so that is what this does. Where there is room for both
// Streamlit leaves the menu as it is.
export default function () {
  const listen = event => {
    if (!event.target.closest?.('[data-testid="stSidebarNavLink"]')) return;
    document.querySelector('[data-testid="stMain"]')?.dispatchEvent(new MouseEvent("mousedown", { bubbles: true }));
  };
  document.addEventListener("click", listen);
  return () => document.removeEventListener("click", listen);
}
