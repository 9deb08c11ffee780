/** The product's mark and name. */
export function Logo() {
  return (
    <span className="lc-logo">
      <svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true" focusable="false">
        <rect width="32" height="32" rx="8" fill="#3457d5" />
        <path
          d="M10 8v16h12"
          fill="none"
          stroke="#fff"
          strokeWidth="4"
          strokeLinecap="round"
          strokeLinejoin="round"
        />
      </svg>
      <span>Lastcall</span>
    </span>
  );
}
