/** Takes the place of Astro's image endpoint: Foghorn transforms no images, so nothing answers there. */
export const GET = () => new Response(null, { status: 404 });
