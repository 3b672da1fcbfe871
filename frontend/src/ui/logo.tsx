export function Logo() {
  return (
    <svg className="logo" viewBox="0 0 24 24" fill="none" stroke="currentColor" aria-hidden="true">
      <path d="M4 19V6l8 8 8-8v13" strokeWidth="1.6" strokeLinejoin="round" />
      <path d="M4 6h16M4 19l8-5 8 5" strokeWidth="1" opacity=".45" />
      <g fill="currentColor" stroke="none">
        <circle cx="4" cy="6" r="2.3" />
        <circle cx="20" cy="6" r="2.3" />
        <circle cx="12" cy="14" r="2.6" />
        <circle cx="4" cy="19" r="2.3" />
        <circle cx="20" cy="19" r="2.3" />
      </g>
    </svg>
  );
}
