import type { APIRoute } from 'astro';
import { glanceAnswer } from './_glance.ts';

export const GET: APIRoute = ({ locals, params }) => glanceAnswer(locals, params.id ?? '');
