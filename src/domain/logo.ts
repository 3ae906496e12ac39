import sanitizeHtml from 'sanitize-html';
import type { LogoType } from './brand.ts';

/** What came of a file: what is kept of it, or why it cannot be a logo. */
export type ReadLogo =
  | { type: LogoType; body: Uint8Array; width: number; height: number; dropped: string[] }
  | { problem: string };

export const MAX_LOGO_BYTES = 100_000;
/** It stands in a line of text: what is longer than this would be too small to see. */
const MAX_SHAPE = 8;
const MAX_PIXELS = 4096;

/** Reads a file that someone sent as a logo, by what is in it and not by its name. Nothing is kept that is not a picture. */
export function readLogo(bytes: Uint8Array): ReadLogo {
  if (!bytes.length) return { problem: 'Choose a file.' };
  if (bytes.length > MAX_LOGO_BYTES)
    return {
      problem: `The logo has ${Math.ceil(bytes.length / 1000)} kB; ${MAX_LOGO_BYTES / 1000} kB is the most. Save it smaller, or as SVG.`,
    };
  const read = isPng(bytes) ? readPng(bytes) : readSvg(bytes);
  if ('problem' in read) return read;
  const shape = read.width / read.height;
  if (shape > MAX_SHAPE || shape < 1 / MAX_SHAPE)
    return { problem: `The logo is ${MAX_SHAPE} times as long as it is high, or more: crop it.` };
  return read;
}

const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** The chunks that draw (PNG, third edition, section 11); times, texts and profiles are left out. */
const DRAWS = ['IHDR', 'PLTE', 'tRNS', 'gAMA', 'cHRM', 'sRGB', 'IDAT', 'IEND'];
const BROKEN: ReadLogo = { problem: 'This PNG file is broken: save it again.' };

function isPng(bytes: Uint8Array): boolean {
  return PNG.every((byte, index) => bytes[index] === byte);
}

/** Kept are the chunks that draw, up to the end of the picture: what follows that is none. */
function readPng(bytes: Uint8Array): ReadLogo {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kept: Uint8Array[] = [bytes.subarray(0, PNG.length)];
  const dropped = new Set<string>();
  let size: { width: number; height: number } | null = null;
  for (let at = PNG.length; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const next = at + 12 + length;
    if (next > bytes.length || (!size && name !== 'IHDR')) return BROKEN;
    if (name === 'IHDR') size = { width: view.getUint32(at + 8), height: view.getUint32(at + 12) };
    if (DRAWS.includes(name)) kept.push(bytes.subarray(at, next));
    else dropped.add(name);
    at = next;
    if (name !== 'IEND') continue;
    const { width, height } = size as { width: number; height: number };
    if (!width || !height || width > MAX_PIXELS || height > MAX_PIXELS)
      return { problem: `A PNG logo has at most ${MAX_PIXELS} pixels a side.` };
    if (at < bytes.length) dropped.add('what follows the picture');
    return { type: 'image/png', body: joined(kept), width, height, dropped: [...dropped] };
  }
  return BROKEN;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const SHAPES = [
  ...['svg', 'g', 'defs', 'symbol', 'use', 'title', 'desc', 'clipPath', 'mask'],
  ...['path', 'rect', 'circle', 'ellipse', 'line', 'polyline', 'polygon', 'text', 'tspan'],
  ...['linearGradient', 'radialGradient', 'stop'],
];
const DRAWING = [
  ...[
    'id',
    'class',
    'viewBox',
    'width',
    'height',
    'x',
    'y',
    'x1',
    'y1',
    'x2',
    'y2',
    'cx',
    'cy',
    'r',
    'rx',
    'ry',
  ],
  ...[
    'fx',
    'fy',
    'd',
    'points',
    'transform',
    'fill',
    'fill-rule',
    'fill-opacity',
    'clip-rule',
    'clip-path',
    'mask',
  ],
  ...['stroke', 'stroke-width', 'stroke-linecap', 'stroke-linejoin', 'stroke-miterlimit', 'stroke-dasharray'],
  ...[
    'stroke-opacity',
    'opacity',
    'offset',
    'stop-color',
    'stop-opacity',
    'gradientUnits',
    'gradientTransform',
  ],
  ...['spreadMethod', 'clipPathUnits', 'maskUnits', 'maskContentUnits', 'preserveAspectRatio', 'font-family'],
  ...['font-size', 'font-weight', 'letter-spacing', 'text-anchor', 'dominant-baseline', 'dx', 'dy'],
];
/** Of names that the drawing gives itself. */
const OWN_URL = /^url\(\s*["']?#[\w.-]+["']?\s*\)$/;

/** Kept are shapes and how they are drawn; scripts, styles, links to elsewhere and everything unknown are left out (and named). */
function readSvg(bytes: Uint8Array): ReadLogo {
  const text = decoded(bytes);
  if (text === null || !/<svg[\s>]/i.test(text))
    return { problem: 'A logo is an SVG or a PNG file, and this is neither.' };
  const dropped = new Set<string>();
  const clean = sanitizeHtml(text, {
    allowedTags: SHAPES,
    allowedAttributes: { '*': [...DRAWING, 'xmlns', 'href'] },
    nonTextTags: ['script', 'style', 'textarea', 'option', 'foreignObject', 'metadata', 'iframe'],
    disallowedTagsMode: 'completelyDiscard',
    allowedSchemes: [],
    allowProtocolRelative: false,
    parser: { xmlMode: true, lowerCaseTags: false, lowerCaseAttributeNames: false },
    onOpenTag: (name, attributes) => {
      if (!SHAPES.includes(name)) dropped.add(`<${name}>`);
      for (const [own, value] of Object.entries(attributes))
        if (!isKept(own, value) && !own.startsWith('xmlns')) dropped.add(own);
    },
    transformTags: { '*': (tagName, attribs) => ({ tagName, attribs: keptOf(tagName, attribs) }) },
  });
  const svg = firstSvg(clean);
  const size = sizeOf(svg);
  if (!size) return { problem: 'The SVG does not say how large it is: give it a viewBox.' };
  return { type: 'image/svg+xml', body: new TextEncoder().encode(svg), ...size, dropped: [...dropped] };
}

function keptOf(tagName: string, attributes: Record<string, string>): Record<string, string> {
  const kept = Object.entries(attributes).filter(([name, value]) => name !== 'style' && isKept(name, value));
  return {
    ...(tagName === 'svg' && { xmlns: 'http://www.w3.org/2000/svg' }),
    ...Object.fromEntries(kept.map(([name, value]) => [name === 'xlink:href' ? 'href' : name, value])),
    // A style of a shape's own says the same as attributes do, and overrides them: so no style is left that a page would have to allow.
    ...Object.fromEntries(styleOf(attributes.style ?? '').filter(([name, value]) => isKept(name, value))),
  };
}

function styleOf(style: string): [string, string][] {
  return style.split(';').flatMap((rule): [string, string][] => {
    const [name = '', ...value] = rule.split(':');
    return name.trim() ? [[name.trim(), value.join(':').trim()]] : [];
  });
}

function isKept(name: string, value: string): boolean {
  if (name === 'style') return styleOf(value).every((own) => isKept(...own));
  if (name === 'href' || name === 'xlink:href') return /^#[\w.-]+$/.test(value);
  if (!DRAWING.includes(name)) return false;
  return !/url|\\/i.test(value) || OWN_URL.test(value.trim());
}

/** The first drawing alone: XML has one root. Attributes hold no `>` by now. */
function firstSvg(clean: string): string {
  const start = clean.indexOf('<svg');
  let depth = 0;
  for (const tag of clean.slice(start).matchAll(/<(\/?)svg\b[^>]*>/g)) {
    depth += tag[1] ? -1 : 1;
    if (!depth) return clean.slice(start, start + tag.index + tag[0].length);
  }
  return '';
}

function decoded(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

function sizeOf(svg: string): { width: number; height: number } | null {
  const [tag = ''] = /^<svg\b[^>]*>/.exec(svg) ?? [];
  const attribute = (name: string) => new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1] ?? '';
  const [, , ...box] = attribute('viewBox')
    .trim()
    .split(/[\s,]+/)
    .map(Number);
  const given = [attribute('width'), attribute('height')].map((value) =>
    /^[\d.]+(px)?$/.test(value) ? Number.parseFloat(value) : Number.NaN,
  );
  for (const [width = 0, height = 0] of [box, given])
    if (width > 0 && height > 0 && Number.isFinite(width) && Number.isFinite(height))
      return { width, height };
  return null;
}
