import { crc32, deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { XmlDocument } from 'libxml2-wasm';
import { describe, expect, it } from 'vitest';
import { MAX_LOGO_BYTES, readLogo } from '#domain/logo.ts';

const bytesOf = (text: string) => new TextEncoder().encode(text);
const SHAPE = '<path d="M0 0h10v10z" fill="#123456"/>';
const svg = (inside: string, attributes = 'viewBox="0 0 40 10"') =>
  `<svg xmlns="http://www.w3.org/2000/svg" ${attributes}>${inside}</svg>`;

function kept(text: string): { svg: string; dropped: string[]; width: number; height: number } {
  const read = readLogo(bytesOf(text));
  if ('problem' in read) throw new Error(read.problem);
  const { body, dropped, width, height } = read;
  const clean = new TextDecoder().decode(body);
  // Whatever is kept is XML that every reader reads alike.
  XmlDocument.fromString(clean).dispose();
  return { svg: clean, dropped, width, height };
}

const chunk = (name: string, data: Uint8Array) => {
  const body = Buffer.concat([Buffer.from(name, 'latin1'), data]);
  const [length, crc] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  crc.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, crc]);
};
const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
function header(width: number, height: number): Buffer {
  const data = Buffer.alloc(13);
  data.writeUInt32BE(width, 0);
  data.writeUInt32BE(height, 4);
  data.set([8, 0, 0, 0, 0], 8);
  return chunk('IHDR', data);
}
const png = (width: number, height: number, more: Buffer[] = []) =>
  Buffer.concat([
    SIGNATURE,
    header(width, height),
    ...more,
    chunk('IDAT', deflateSync(Buffer.alloc((width + 1) * height))),
    chunk('IEND', Buffer.alloc(0)),
  ]);

describe('an SVG logo', () => {
  it('keeps what draws, and says how large it is', () => {
    const gradient =
      '<defs><linearGradient id="g" x1="0"><stop offset="0" stop-color="red"/></linearGradient></defs>' +
      '<g transform="scale(2)"><use href="#a"/><rect id="a" width="4" height="4" fill="url(#g)" style="opacity:0.5"/></g>';
    const read = kept(svg(gradient));
    expect(read).toMatchObject({ width: 40, height: 10, dropped: [] });
    for (const part of ['linearGradient', 'stop-color="red"', 'fill="url(#g)"', 'href="#a"', 'opacity="0.5"'])
      expect(read.svg).toContain(part);
  });

  it('takes the older way to name a shape, and a size without a viewBox', () => {
    const read = kept(
      `<?xml version="1.0"?><!-- made by hand --><svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="30px" height="10"><circle id="c" r="4"/><use xlink:href="#c"/></svg>`,
    );
    expect(read).toMatchObject({ width: 30, height: 10 });
    expect(read.svg).toContain('href="#c"');
  });

  it.each([
    ['a script', '<script>alert(1)</script>'],
    ['a script in CDATA', '<script><![CDATA[alert(1)]]></script>'],
    ['a handler', '<path d="M0 0" onload="alert(1)"/>'],
    ['a handler in capitals', '<path d="M0 0" onLoad="alert(1)"/>'],
    [
      'HTML',
      '<foreignObject><body xmlns="http://www.w3.org/1999/xhtml"><img src="x" onerror="alert(1)"/></body></foreignObject>',
    ],
    ['a link', '<a href="javascript:alert(1)"><path d="M0 0"/></a>'],
    ['a picture from elsewhere', '<image href="https://evil.example/alert.png"/>'],
    ['a shape from elsewhere', '<use href="https://evil.example/alert.svg#a"/>'],
    ['a shape in data', '<use href="data:image/svg+xml,alert"/>'],
    ['a paint from elsewhere', '<path d="M0 0" fill="url(https://evil.example/alert)"/>'],
    ['a style sheet', '<style>@import "https://evil.example/alert.css"</style>'],
    ['a style from elsewhere', '<path d="M0 0" style="fill:url(//evil.example/alert)"/>'],
    ['a style that hides', '<path d="M0 0" style="fill:\\75rl(//evil.example/alert)"/>'],
    ['an animation', '<set attributeName="href" to="javascript:alert(1)"/>'],
    ['an animation of a shape', '<path d="M0 0"><animate attributeName="d" values="alert"/></path>'],
    ['a frame', '<iframe src="https://evil.example/alert"/>'],
  ])('leaves out %s', (_, evil) => {
    const read = kept(svg(evil + SHAPE));
    expect(read.svg).not.toMatch(/alert|evil|script|javascript|foreign|onload|<a\b|import/i);
    expect(read.svg).toContain('fill="#123456"');
    expect(read.dropped.length).toBeGreaterThan(0);
  });

  it('knows no entities of a document type', () => {
    const read = kept(
      `<!DOCTYPE svg [<!ENTITY x "<script>alert(1)</script>"><!ENTITY f SYSTEM "file:///etc/passwd">]>${svg(`<text>&x;&f;</text>${SHAPE}`)}`,
    );
    expect(read.svg).not.toMatch(/ENTITY|DOCTYPE|<script|passwd"/);
  });

  it.each([
    ['nothing', '', 'Choose a file.'],
    ['a text', 'just words', 'neither'],
    ['an SVG without a size', svg(SHAPE, ''), 'viewBox'],
    ['a thread', svg(SHAPE, 'viewBox="0 0 100 1"'), 'crop'],
    ['too much', svg('x'.repeat(MAX_LOGO_BYTES)), '100 kB'],
  ])('is not %s', (_, text, words) => {
    expect(readLogo(bytesOf(text))).toEqual({ problem: expect.stringContaining(words) });
  });

  it('whatever comes, what is kept is XML of shapes', () => {
    const piece = fc.constantFrom(
      ...[
        '<',
        '>',
        '/',
        '"',
        "'",
        '=',
        ' ',
        '<!--',
        '-->',
        '<![CDATA[',
        ']]>',
        '&lt;',
        '&#60;',
        '&',
        'svg',
        'script',
      ],
      ...[
        'onload',
        'href',
        'style',
        'javascript:',
        'url(',
        '<path d="M0 0"',
        '<g ',
        '</g>',
        '</svg>',
        '<?',
        '?>',
        '\n',
      ],
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const read = readLogo(bytesOf(svg(pieces.join(''))));
        if ('problem' in read) return;
        const clean = new TextDecoder().decode(read.body);
        const document = XmlDocument.fromString(clean);
        const names = document.find('//*').map((node) => (node as { name?: string }).name);
        expect(names.filter((name) => !/^(svg|g|path)$/.test(name ?? ''))).toEqual([]);
        expect(document.find('//@*[starts-with(local-name(), "on")]')).toEqual([]);
        document.dispose();
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a PNG logo', () => {
  it('keeps what draws, and nothing that follows the picture', () => {
    const file = png(20, 10, [chunk('tEXt', Buffer.from('Comment\0<script>alert(1)</script>'))]);
    const read = readLogo(Buffer.concat([file, Buffer.from('<html><script>alert(1)</script>')]));
    if ('problem' in read) throw new Error(read.problem);
    expect(read).toMatchObject({ type: 'image/png', width: 20, height: 10 });
    expect(read.dropped).toEqual(['tEXt', 'what follows the picture']);
    expect(Buffer.from(read.body).equals(png(20, 10))).toBe(true);
  });

  it.each([
    ['cut off', png(20, 10).subarray(0, 40)],
    ['of no size', png(0, 10)],
    ['of a hundred thousand pixels', png(100_000, 1)],
    [
      'with a chunk before its header',
      Buffer.concat([SIGNATURE, chunk('IDAT', Buffer.alloc(3)), header(2, 2)]),
    ],
  ])('is refused when it is %s', (_, bytes) => {
    expect(readLogo(bytes)).toHaveProperty('problem');
  });

  it('cut anywhere is refused, not read beyond its end', () => {
    const whole = png(20, 10);
    for (let end = 8; end < whole.length; end++)
      expect(readLogo(whole.subarray(0, end)), String(end)).toHaveProperty('problem');
  });
});
