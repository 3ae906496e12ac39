export { GET } from '../../incidents/[id]/preview.json.ts';
