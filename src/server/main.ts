import { createApp } from 'astro/app/entrypoint';

console.log('main', process.argv);
const app = createApp({ streaming: false });
const r = await app.render(new Request('http://localhost:4321/'), {});
console.log(r.status, [...r.headers], await r.text());
