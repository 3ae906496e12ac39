export { GET } from '../../incidents/[id]/preview.ts';
