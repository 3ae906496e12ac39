import type { ComponentStatus } from '#domain/status.ts';

/** Shapes and colours of statuses as pages draw them; what is well keeps the horn's own. */
const SHAPES: Record<ComponentStatus, { path: string; light: string; dark: string } | null> = {
  operational: null,
  degraded_performance: { path: 'M11 6.5l9.5 17H1.5z', light: '#bc8600', dark: '#f0c14b' },
  partial_outage: { path: 'M10.5 5L21 16 10.5 27 0 16z', light: '#e06c10', dark: '#ffa15c' },
  major_outage: { path: 'M1.5 7h18v18h-18z', light: '#d92b34', dark: '#ff8085' },
  under_maintenance: {
    path: 'M10.5 6a10 10 0 1 1 0 20 10 10 0 0 1 0-20zm0 4.6a5.4 5.4 0 1 0 0 10.8 5.4 5.4 0 0 0 0-10.8z',
    light: '#4b5bb5',
    dark: '#a9b4ff',
  },
};

/** How it is drawn on light windows and on dark ones. */
export function faviconCss(status: ComponentStatus): string {
  const { light, dark } = SHAPES[status] ?? { light: '#16191d', dark: '#e9ecef' };
  return `.w{fill:none;stroke:#16191d;stroke-width:3;stroke-linecap:round}.m{fill:${light}}@media(prefers-color-scheme:dark){.w{stroke:#e9ecef}.m{fill:${dark}}}`;
}

/** The sign in a browser's tab: the horn while all is well, else the worst status's shape and colour before its sound. */
export function faviconSvg(status: ComponentStatus): string {
  const shape = SHAPES[status];
  const waves = shape
    ? 'M22.5 10a8.5 8.5 0 0 1 0 12M26 5.5a14.9 14.9 0 0 1 0 21'
    : 'M14.5 9.5a9.2 9.2 0 0 1 0 13M19.5 5a15.5 15.5 0 0 1 0 22M24.5 1.5a21 21 0 0 1 0 29';
  const mark = shape
    ? `<path class="m" fill-rule="evenodd" d="${shape.path}"/>`
    : '<circle class="m" cx="8" cy="16" r="4"/>';
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><style>${faviconCss(status)}</style>${mark}<path class="w" d="${waves}"/></svg>\n`;
}
