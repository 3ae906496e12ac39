import type { APIRoute } from 'astro';
import { badgeAnswer } from './embed/_glance.ts';

export const GET: APIRoute = ({ locals }) => badgeAnswer(locals, null);
