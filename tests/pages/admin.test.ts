import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listAudit } from '#db/audit.ts';
import type { Role } from '#domain/permissions.ts';
import { addMs, DAY } from '#domain/time.ts';
import { getIncident, listIncidents, postUpdate } from '#services/incidents.ts';
import { makeSubscribers } from '../support/people.ts';
import { type House, openHouse } from './adminHouse.ts';

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house?.close());

const LONG = 'x'.repeat(6000);
const HIDDEN = 'a\u0002b';

/** What the page says is wrong, as its list of problems has it. */
function problems(html: string): string[] {
  const box = /<div class="wrong"[\s\S]*?<\/ul>/.exec(html)?.[0] ?? '';
  return [...box.matchAll(/<li[^>]*>([\s\S]*?)<\/li>/g)].map((match) =>
    (match[1] as string)
      .replace(/<[^>]*>/g, '')
      .replaceAll('&quot;', '"')
      .trim(),
  );
}

describe('every page of the admin', () => {
  it('opens for each role as far as it may, and links only to what that role can open', async () => {
    const { id } = await house.incident();
    for (const role of ['owner', 'comms', 'responder', 'viewer'] as const) {
      const { status, body } = await house.get('/admin', role);
      expect(status).toBe(200);
      const nav = /<nav id="nav"[\s\S]*?<\/nav>/.exec(body)?.[0] ?? '';
      const links = [...nav.matchAll(/href="([^"]+)"/g)].map((match) => match[1] as string);
      expect(links).toContain('/admin/incidents');
      for (const link of links) expect((await house.get(link, role)).status, `${role} ${link}`).toBe(200);
      expect((await house.get(`/admin/incidents/${id}`, role)).status).toBe(200);
    }
  });

  it('says so when there is nothing at an address', async () => {
    for (const path of [
      '/admin/incidents/nosuchthing1',
      '/admin/incidents/nosuchthing1/preview',
      '/admin/maintenance/nosuchthing1',
      '/admin/components/nosuchthing1',
      '/admin/components/groups/nosuchthing1',
      '/admin/templates/nosuchthing1',
      '/admin/audiences/nosuchthing1',
      '/admin/deliveries/nosuchthing1',
      '/admin/deliveries/mail/999999',
      '/admin/deliveries/mail/999999/html',
    ]) {
      const { status, body } = await house.get(path);
      expect(status, path).toBe(404);
      expect(body, path).not.toMatch(/\bat [\w./]+:\d+/);
    }
  });

  it('refuses, in words, what a role may not open or do', async () => {
    const { id } = await house.incident();
    const refused: [string, Role, Record<string, string> | null][] = [
      ['/admin/settings', 'comms', null],
      ['/admin/audiences', 'responder', null],
      ['/admin/templates/new', 'responder', null],
      ['/admin/incidents/new', 'viewer', null],
      ['/admin/incidents/backfill', 'responder', null],
      ['/admin/maintenance/new', 'responder', null],
      ['/admin/components/new', 'viewer', null],
      ['/admin/components', 'viewer', { name: 'Mine' }],
      ['/admin/deliveries', 'viewer', { do: 'resume', provider: 'file' }],
      [
        `/admin/incidents/${id}`,
        'responder',
        { do: 'post', version: '2', audience: 'public', status: 'identified', body: 'x' },
      ],
      [`/admin/incidents/${id}`, 'viewer', { do: 'note', note: 'x' }],
    ];
    for (const [path, role, fields] of refused) {
      const { status, body } = fields ? await house.post(path, fields, role) : await house.get(path, role);
      expect(status, `${path} as ${role}`).toBe(403);
      expect(body, `${path} as ${role}`).toContain(`Your role (${role}) may not do this`);
    }
    expect((await getIncident(house.as('comms'), id)).updates).toHaveLength(1);
  });
});

describe('declaring', () => {
  const declare = (fields: Record<string, string>) =>
    house.post(
      '/admin/incidents/new',
      { do: 'declare', title: 'Sign-in is slow', severity: 'SEV2', ...fields },
      'responder',
    );

  it('makes an incident that the public does not see, and opens it', async () => {
    const answer = await declare({
      scope: 'Europe',
      summary: 'Latency of the login service tripled.',
      [`component:${house.components.get('Sign-in')}`]: 'degraded_performance',
    });
    expect(answer.status).toBe(303);
    const path = String(answer.headers.location);
    expect(path).toMatch(/^\/admin\/incidents\/[a-z0-9]{12}\?done=declared$/);
    const page = await house.get(path);
    expect(page.body).toContain('Not public yet');
    expect(page.body).toContain('Latency of the login service tripled.');
    expect((await house.get('/')).body).not.toContain('Sign-in is slow');
  });

  it.each([
    [{ title: ' ' }, 'The title is empty. Write something.'],
    [{ title: LONG }, 'The title is too long: at most 140 characters.'],
    [{ title: HIDDEN }, 'invisible control characters'],
    [{ title: 'two\nlines' }, 'must be one line'],
    [{ severity: '' }, 'Choose a severity. In doubt, the higher one.'],
    [{ severity: 'SEV9' }, 'Choose a severity. In doubt, the higher one.'],
    [{ startedAt: '2999-01-01T00:00' }, 'in the future'],
    [{ startedAt: 'yesterday' }, 'When it began is no time'],
    [{ 'component:nosuchthing1': 'major_outage' }, 'There is no component'],
    [{ 'component:x': 'on fire' }, 'One of the statuses is not known'],
  ])(
    '%o is answered with what is wrong, and keeps what was typed',
    async (fields: Record<string, string>, said) => {
      const answer = await declare({ summary: 'kept as typed', ...fields });
      expect(answer.status).toBe(422);
      expect(problems(answer.body).join(' ')).toContain(said);
      expect(answer.body).toContain('value="kept as typed"');
    },
  );

  it('suggests a severity without script, and declares nothing by that', async () => {
    const { open } = await listIncidents(house.as('comms'), { kind: 'incident', limit: 1 });
    const asked = {
      do: 'suggest',
      severity: '',
      'helper.users': 'many',
      'helper.effect': 'broken',
      'helper.business': 'real',
    };
    const { body } = await declare(asked);
    expect(body).toMatch(/These answers suggest SEV[12]\./);
    expect(problems((await declare({ do: 'suggest' })).body)[0]).toContain('Answer how many');
    const after = await listIncidents(house.as('comms'), { kind: 'incident', limit: 1 });
    expect(after.open).toHaveLength(open.length);
  });
});

describe('posting', () => {
  const update = (fields: Record<string, string> = {}) => ({
    do: 'post',
    version: '2',
    audience: 'public',
    status: 'identified',
    body: 'We have found the fault and are mending it.',
    affected: 'some customers',
    next: 'policy',
    ...fields,
  });

  it('shows on the public page at once, and says to how many it is queued', async () => {
    const { id } = await house.incident();
    const answer = await house.post(`/admin/incidents/${id}`, update({ body: 'Fresh word of it.' }));
    expect(answer.status).toBe(303);
    expect((await house.get(String(answer.headers.location))).body).toContain(
      'Posted. Queued for 12 people.',
    );
    expect((await house.get('/')).body).toContain('Fresh word of it.');
  });

  it('fills in variables that are known at that moment and leaves the others as they stand', async () => {
    const { id } = await house.incident();
    await house.post(
      `/admin/incidents/${id}`,
      update({ body: '{{components}} may fail for {{affected}}; {{provider}} {{7*7}} {{constructor}}' }),
    );
    const [latest] = (await getIncident(house.as('comms'), id)).updates;
    expect(latest?.body).toBe('Checkout may fail for some customers; {{provider}} {{7*7}} {{constructor}}');
  });

  it.each([
    [{ body: '' }, 'The text is empty. Write something.'],
    [{ body: LONG }, 'The text is too long: at most 5000 characters.'],
    [{ body: HIDDEN }, 'invisible control characters'],
    [{ status: 'postponed' }, 'Choose a status that can follow Investigating.'],
    [{ audience: 'everyone' }, 'Choose who reads it.'],
    [{ severity: 'SEV0' }, 'Choose a severity.'],
    [{ affected: LONG }, 'Who is affected is too long'],
    [{ next: 'at', nextAt: '' }, 'Say when the next update comes'],
    [{ next: 'at', nextAt: '2020-01-01T00:00' }, 'is past. Promise a time that is to come.'],
    [{ next: 'at', nextAt: 'noon' }, 'is no time'],
    [{ next: 'soon' }, 'Choose when the next update comes.'],
    [{ 'component:nosuchthing1': 'major_outage' }, 'There is no component'],
    [{ status: 'resolved' }, 'watched for 15 minutes in Monitoring'],
  ])(
    '%o is answered with what is wrong; nothing is posted and the text is kept',
    async (fields: Record<string, string>, said) => {
      const { id } = await house.incident();
      const answer = await house.post(
        `/admin/incidents/${id}`,
        update({ workaround: 'kept as typed', ...fields }),
      );
      expect(answer.status).toBe(422);
      expect(problems(answer.body).join(' ')).toContain(said);
      expect(answer.body).toContain('kept as typed');
      expect((await getIncident(house.as('comms'), id)).updates).toHaveLength(1);
    },
  );

  it('a promise more than a week away is asked about, and kept by whoever means it', async () => {
    const { id } = await house.incident();
    const path = `/admin/incidents/${id}`;
    const far = { next: 'at', nextAt: '2199-11-20T16:15', workaround: 'kept as typed' };
    const slip = await house.post(path, update(far));
    expect(slip.status).toBe(422);
    expect(problems(slip.body).join(' ')).toContain('20 Nov 2199, 16:15 UTC is');
    expect(slip.body).toContain('href="#nextFar"');
    expect(slip.body).toContain('kept as typed');
    const box = /<input[^>]*id="nextFar"[^>]*>/.exec(slip.body)?.[0];
    expect(box).toContain('value="2199-11-20T16:15"');
    expect(box).not.toContain(' checked');
    // It was meant of that day, not of another.
    const other = await house.post(path, update({ ...far, nextAt: '2198-11-20T16:15', nextFar: far.nextAt }));
    expect(other.status).toBe(422);
    expect((await house.post(path, update({ ...far, nextFar: far.nextAt }))).status).toBe(303);
    expect((await getIncident(house.as('comms'), id)).nextUpdateDue).toBe('2199-11-20T16:15:00.000Z');
    // A few days are nothing to ask about.
    const another = await house.incident();
    const soon = addMs(new Date().toISOString(), 6 * DAY).slice(0, 16);
    const within = await house.post(`/admin/incidents/${another.id}`, update({ ...far, nextAt: soon }));
    expect(within.status).toBe(303);
  });

  it('of two people at once, the second sees the first’s words and loses none of their own', async () => {
    const { id } = await house.incident();
    const opened = await house.get(`/admin/incidents/${id}`);
    const seen = /name="seen" value="([^"]*)"/.exec(opened.body)?.[1] ?? '';
    await postUpdate(house.as('owner'), {
      incidentId: id,
      version: 2,
      audience: 'public',
      status: 'monitoring',
      body: 'The first was faster.',
      components: [],
      notify: false,
    });
    const mine = update({ seen, body: 'My own words, typed meanwhile.' });
    const refused = await house.post(`/admin/incidents/${id}`, mine);
    expect(refused.status).toBe(409);
    expect(problems(refused.body)[0]).toContain('Mia Berg posted at');
    expect(refused.body).toContain('The first was faster.</blockquote>');
    expect(refused.body).toContain('My own words, typed meanwhile.</textarea>');
    const version = /name="version" value="(\d+)"/.exec(refused.body)?.[1] as string;
    expect((await house.post(`/admin/incidents/${id}`, { ...mine, version })).status).toBe(303);
    const { updates } = await getIncident(house.as('comms'), id);
    expect(updates.map(({ body }) => body)).toEqual([
      'My own words, typed meanwhile.',
      'The first was faster.',
      'Checkout may fail for some customers.',
    ]);
  });

  it('a stale form about what is resolved meanwhile says so, and a second press posts once', async () => {
    const { id } = await house.incident();
    const resolve = update({ status: 'resolved', body: 'It is over.', reason: 'It was a false alarm.' });
    expect((await house.post(`/admin/incidents/${id}`, resolve)).status).toBe(303);
    const again = await house.post(`/admin/incidents/${id}`, resolve);
    expect(again.status).toBe(409);
    expect(problems(again.body)[0]).toContain('that this is resolved, while you were writing');
    expect((await getIncident(house.as('comms'), id)).updates).toHaveLength(2);
  });

  it('holds in one press, in the words that stood beside the button', async () => {
    const { id } = await house.incident();
    const { body } = await house.get(`/admin/incidents/${id}`);
    const title = /<button[^>]*value="hold"[^>]*title="([^"]*)"/.exec(body)?.[1];
    expect(title).toContain('Nothing has changed since our last update.');
    expect((await house.post(`/admin/incidents/${id}`, { do: 'hold', version: '2' })).status).toBe(303);
    const [latest] = (await getIncident(house.as('comms'), id)).updates;
    expect(latest).toMatchObject({ kind: 'holding', status: 'investigating', affected: 'some customers' });
    expect(latest?.body).toBe(title);
    expect(latest?.nextUpdateBy).not.toBeNull();
  });

  it('an internal update changes nothing that visitors see, whatever the hidden fields say', async () => {
    const { id } = await house.incident();
    const answer = await house.post(
      `/admin/incidents/${id}`,
      update({
        audience: 'internal',
        status: 'resolved',
        body: 'Only for us.',
        [`component:${house.components.get('Checkout')}`]: 'operational',
      }),
      'responder',
    );
    expect(answer.status).toBe(303);
    expect(await getIncident(house.as('comms'), id)).toMatchObject({
      status: 'investigating',
      components: [{ claimed: 'major_outage' }],
    });
    expect((await house.get('/')).body).not.toContain('Only for us.');
    expect((await house.get(`/incidents/${id}`)).body).not.toContain('Only for us.');
  });

  it('resolving leaves nothing wrong but what one says stays wrong', async () => {
    const { id } = await house.incident();
    const cart = house.components.get('Cart') as string;
    const checkout = house.components.get('Checkout') as string;
    await house.post(
      `/admin/incidents/${id}`,
      update({
        status: 'resolved',
        reason: 'x',
        [`component:${checkout}`]: 'major_outage',
        [`component:${cart}`]: '',
      }),
    );
    const { components } = await getIncident(house.as('comms'), id);
    expect(components).toMatchObject([{ name: 'Checkout', claimed: null, worst: 'major_outage' }]);
  });

  it('hides who and what still works once it is over, even when they were filled in', async () => {
    const { id } = await house.incident();
    await house.post(
      `/admin/incidents/${id}`,
      update({ status: 'resolved', reason: 'x', workaround: 'Cash.' }),
    );
    const [latest] = (await getIncident(house.as('comms'), id)).updates;
    expect(latest).toMatchObject({ affected: null, workaround: null, nextUpdateBy: null });
  });
});

describe('without script', () => {
  const draft = { version: '2', audience: 'public', status: 'investigating', body: 'Half a sent' };

  it('a template is filled in by the server and waits as a draft', async () => {
    const { id } = await house.incident();
    const page = await house.get(`/admin/incidents/${id}`);
    const template =
      /<option value="([a-z0-9]+)"[^>]*data-status="identified"[^>]*>\s*Found, being mended/.exec(
        page.body,
      )?.[1];
    const answer = await house.post(`/admin/incidents/${id}`, {
      ...draft,
      do: 'template',
      template: template as string,
    });
    expect(answer.status).toBe(303);
    const filled = (await house.get(String(answer.headers.location))).body;
    expect(filled).toContain('Until that is done, Checkout may still fail for some customers.</textarea>');
    expect(filled).toMatch(/value="identified" checked/);
    expect((await getIncident(house.as('comms'), id)).updates).toHaveLength(1);
  });

  it('a draft and its preview are kept, shown to others as theirs to see, and gone once posted', async () => {
    const { id } = await house.incident();
    const path = `/admin/incidents/${id}`;
    await house.post(path, { ...draft, do: 'preview', body: 'Card payments fail for **some** customers.' });
    const own = await house.get(path);
    expect(own.body).toContain('Card payments fail for **some** customers.</textarea>');
    expect(own.body).toContain('Draft kept');
    const mail = await house.get(`${path}/preview`);
    expect(mail.body).toContain('Card payments fail for <strong');
    expect(mail.headers['content-security-policy']).toContain("default-src 'none'");
    expect(mail.headers['content-security-policy']).toContain("frame-ancestors 'self'");
    expect(mail.headers['content-security-policy']).not.toContain('script-src');
    expect((await house.get(`${path}/preview`, 'viewer')).status).not.toBe(200);
    const colleague = await house.get(path, 'owner');
    expect(colleague.body).toContain('Noor Aziz is drafting too');
    expect(colleague.body).not.toContain('Card payments fail for **some** customers.</textarea>');
    await house.post(path, { ...draft, do: 'post', body: 'Card payments fail for some.' });
    expect((await house.get(path)).body).not.toContain('Draft kept');
    expect((await house.get(path, 'owner')).body).not.toContain('is drafting too');
  });

  it('a draft from before someone else’s change says so', async () => {
    const { id } = await house.incident();
    const path = `/admin/incidents/${id}`;
    await house.post(path, { ...draft, do: 'draft' });
    await house.post(path, { do: 'hold', version: '2' }, 'owner');
    expect((await house.get(path)).body).toContain('Your draft is from before the latest change.');
    await house.post(path, { do: 'discard' });
    expect((await house.get(path)).body).not.toContain('Half a sent');
  });
});

describe('the drafts’ route', () => {
  const send = async (body: string, role: Role = 'comms') => {
    const { ask } = await import('../support/http.ts');
    return ask(house.server.url, '/admin/api/drafts', {
      method: 'POST',
      headers: {
        cookie: await house.cookie(role),
        origin: house.server.url,
        'content-type': 'application/json',
        accept: 'application/json',
      },
      body,
    });
  };

  it('keeps what a script sends and answers who else is at it', async () => {
    const { id } = await house.incident();
    const kept = await send(JSON.stringify({ subject: id, fields: { body: 'Mine', version: '2' } }));
    expect(kept.status).toBe(200);
    expect(JSON.parse(kept.body)).toMatchObject({ keptAt: expect.any(String), others: [] });
    const others = JSON.parse(
      (await send(JSON.stringify({ subject: id, fields: { body: 'Theirs' } }), 'owner')).body,
    ).others;
    expect(others).toMatchObject([{ name: 'Noor Aziz', body: 'Mine', drafting: true }]);
    const preview = JSON.parse((await house.get(`/admin/incidents/${id}/preview.json`)).body);
    expect(preview).toMatchObject({
      told: 12,
      problems: [],
      subject: '[Investigating] Checkout fails for some',
    });
    expect(preview.page).toBeUndefined();
    expect(preview.pageHtml).toContain('<p>Mine</p>');
  });

  it('says what is wrong with anything else', async () => {
    for (const [body, role, status] of [
      ['not json', 'comms', 422],
      ['{}', 'comms', 422],
      [JSON.stringify({ subject: '../x', fields: {} }), 'comms', 422],
      [JSON.stringify({ subject: 'abc', fields: { body: 'x'.repeat(20_001) } }), 'comms', 422],
      [JSON.stringify({ subject: 'abc', fields: {} }), 'viewer', 403],
    ] as const) {
      const answer = await send(body, role);
      expect(answer.status, body.slice(0, 40)).toBe(status);
      expect(JSON.parse(answer.body).problems[0].message).not.toBe('');
    }
  });
});

describe('what was said wrongly', () => {
  it('an edit keeps how it read before, tells nobody, and is shown', async () => {
    const { id } = await house.incident();
    const path = `/admin/incidents/${id}`;
    const [first] = (await getIncident(house.as('comms'), id)).updates;
    const edit = (body: string) =>
      house.post(path, { do: 'edit', update: first!.id, [`edit-${first!.id}-body`]: body });
    expect((await edit('Checkout fails for customers in Europe.')).status).toBe(303);
    const page = (await house.get(path)).body;
    expect(page).toContain('How it read before');
    expect(page).toContain('Checkout may fail for some customers.');
    expect((await house.get(`/incidents/${id}`)).body).toContain('Checkout fails for customers in Europe.');
    for (const [body, said] of [
      ['', 'The text is empty'],
      [LONG, 'too long'],
      [HIDDEN, 'control characters'],
    ] as const) {
      const refused = await edit(body);
      expect(refused.status).toBe(422);
      expect(problems(refused.body)[0]).toContain(said);
    }
    expect(
      (await house.post(path, { do: 'edit', update: 'nosuchthing1', 'edit-nosuchthing1-body': 'x' })).status,
    ).toBe(404);
  });

  it('a note, a role, the times, the title and the components, each with its own answers', async () => {
    const { id } = await house.incident();
    const path = `/admin/incidents/${id}`;
    const checkout = house.components.get('Checkout') as string;
    const bad: [Record<string, string>, number, string][] = [
      [{ do: 'note', note: '' }, 422, 'The note is empty'],
      [{ do: 'note', note: HIDDEN }, 422, 'control characters'],
      [{ do: 'note', note: 'x', noteAt: '2999-01-01T00:00' }, 422, 'in the future'],
      [{ do: 'note', note: 'x', noteAt: 'then' }, 422, 'is no time'],
      [{ do: 'role', role: 'king', user: 'x' }, 422, 'There is no such role'],
      [{ do: 'role', role: 'scribe', user: 'nosuchthing1' }, 422, 'Choose someone from the list'],
      [{ do: 'times', version: '2', startedAt: '2999-01-01T00:00' }, 422, 'in the future'],
      [{ do: 'times', version: '2', startedAt: 'x' }, 422, 'is no time'],
      [{ do: 'title', version: '2', title: '' }, 422, 'The title is empty'],
      [{ do: 'title', version: '1', title: 'New' }, 409, 'Someone changed this incident'],
      [{ do: 'correct', version: '2', [`correct:${checkout}`]: 'major_outage' }, 422, 'Nothing differs'],
      [{ do: 'correct', version: '2', 'correct:nosuchthing1': 'major_outage' }, 422, 'There is no component'],
      [{ do: 'correct', version: '2', [`correct:${checkout}`]: 'fine' }, 422, 'not known'],
      [{ do: 'adopt', version: '2' }, 409, 'without a pace'],
    ];
    for (const [fields, status, said] of bad) {
      const answer = await house.post(path, fields);
      expect(answer.status, JSON.stringify(fields)).toBe(status);
      expect(problems(answer.body).join(' '), JSON.stringify(fields)).toContain(said);
    }
    const scribe = house.as('viewer').actor as { id: string };
    const good: Record<string, string>[] = [
      { do: 'note', note: 'Called the provider.', noteAt: '' },
      { do: 'role', role: 'scribe', user: scribe.id },
      { do: 'title', version: '2', title: 'Checkout fails for everyone' },
      {
        do: 'correct',
        version: '3',
        [`correct:${checkout}`]: 'operational',
        [`correct:${house.components.get('Cart')}`]: 'partial_outage',
      },
    ];
    for (const fields of good) expect((await house.post(path, fields)).status, fields.do).toBe(303);
    const page = (await house.get(path)).body;
    for (const said of [
      'Called the provider.',
      'Vera Lind is scribe',
      'Checkout fails for everyone',
      'Cart: Partial outage',
    ])
      expect(page).toContain(said);
    const { components } = await getIncident(house.as('comms'), id);
    expect(components).toMatchObject([{ name: 'Cart', claimed: 'partial_outage' }]);
  });

  it('says how many a corrected component tells before it tells them', async () => {
    const { id } = await house.incident();
    const path = `/admin/incidents/${id}`;
    const search = house.components.get('Product search') as string;
    const said = { incidentId: id, version: 2, audience: 'public', status: 'investigating' } as const;
    await postUpdate(house.as('comms'), { ...said, body: 'It goes on.', components: [], notify: true });
    await makeSubscribers(house.db, 2, [{ kind: 'component', id: search }]);
    const { version } = await getIncident(house.as('comms'), id);
    const fields = { do: 'correct', version: String(version), [`correct:${search}`]: 'partial_outage' };
    const asked = await house.post(path, fields);
    expect(asked.status).toBe(409);
    expect(problems(asked.body).join(' ')).toContain(
      'It tells 2 people: those it concerns who had heard nothing of it, and accounts that heard of it and are not affected. Press again to do it.',
    );
    expect(asked.body).toMatch(/name="agreed" value="2"/);
    expect(asked.body).toContain('Correct the history, tell 2');
    const touched = async () => (await getIncident(house.as('comms'), id)).components.map(({ name }) => name);
    expect(await touched()).not.toContain('Product search');
    // Someone else follows it meanwhile: the figure was another one.
    await makeSubscribers(house.db, 1, [{ kind: 'component', id: search }]);
    const again = await house.post(path, { ...fields, agreed: '2' });
    expect(problems(again.body).join(' ')).toContain('It tells 3 people');
    expect((await house.post(path, { ...fields, agreed: '3' })).status).toBe(303);
    expect(await touched()).toContain('Product search');
  });
});

describe('the timeline', () => {
  it('has all kinds of things in the order in which they happened, the latest first', async () => {
    // Declared 15 minutes ago, published a minute after.
    const { id } = await house.incident({ title: 'Before' });
    const path = `/admin/incidents/${id}`;
    const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString().slice(0, 16);
    const steps: Record<string, string>[] = [
      { do: 'title', version: '2', title: 'After' },
      { do: 'post', version: '3', audience: 'internal', status: 'investigating', body: 'For colleagues.' },
      { do: 'note', note: 'Noted late, of ten minutes ago.', noteAt: ago(10) },
      { do: 'post', version: '4', audience: 'public', status: 'identified', body: 'The latest words.' },
      { do: 'note', note: 'Noted late, of twelve minutes ago.', noteAt: ago(12) },
    ];
    for (const fields of steps) expect((await house.post(path, fields)).status, fields.do).toBe(303);
    const page = (await house.get(path)).body;
    const timeline = page.slice(page.indexOf('<ol class="timeline"'));
    const said = [
      'The latest words.',
      'For colleagues.',
      'Title changed from “Before”',
      'Noted late, of ten minutes ago.',
      'Noted late, of twelve minutes ago.',
      'Checkout may fail for some customers.',
    ];
    const places = said.map((words) => timeline.indexOf(words));
    expect(places.every((place) => place >= 0)).toBe(true);
    expect(places).toEqual([...places].sort((a, b) => a - b));
  });
});

describe('writing down what is over', () => {
  const past = (fields: Record<string, string> = {}) =>
    house.post('/admin/incidents/backfill', {
      title: 'Search was down',
      severity: 'SEV2',
      startedAt: '2026-03-01T10:00',
      resolvedAt: '2026-03-01T11:00',
      resolution: 'Search was down for an hour.',
      [`component:${house.components.get('Product search')}`]: 'major_outage',
      ...fields,
    });

  it('puts it on the record with its updates and mails nobody', async () => {
    const answer = await past({
      at0: '2026-03-01T10:10',
      status0: 'investigating',
      body0: 'We look into it.',
    });
    expect(answer.status).toBe(303);
    const id = /incidents\/(\w+)/.exec(String(answer.headers.location))?.[1] as string;
    const incident = await getIncident(house.as('comms'), id);
    expect(incident.updates.map(({ status, body }) => [status, body])).toEqual([
      ['resolved', 'Search was down for an hour.'],
      ['investigating', 'We look into it.'],
    ]);
    expect((await house.get('/history/2026-03')).body).toContain('Search was down');
    expect((await house.get('/admin/deliveries')).body).not.toContain('Search was down');
  });

  it.each([
    [{ title: '' }, 'The title is empty'],
    [{ severity: '' }, 'Choose a severity.'],
    [{ startedAt: '' }, 'When it began is missing'],
    [{ resolvedAt: '2026-03-01T09:00' }, 'The end is not after the start'],
    [{ resolvedAt: '2999-03-01T09:00' }, 'It is not over yet'],
    [{ resolution: ' ' }, 'What happened is empty'],
    [{ resolution: HIDDEN }, 'control characters'],
    [{ body0: 'x', status0: 'investigating' }, 'Say when update 1 was given'],
    [{ at0: '2026-03-01T12:00', body0: 'x', status0: 'investigating' }, 'out of order'],
    [{ at0: '2026-03-01T10:10', body0: 'x', status0: 'resolved' }, 'Choose a status.'],
    [{ 'component:nosuchthing1': 'major_outage' }, 'There is no component'],
  ])('%o is answered with what is wrong', async (fields: Record<string, string>, said) => {
    const answer = await past(fields);
    expect(answer.status).toBe(422);
    expect(problems(answer.body).join(' ')).toContain(said);
  });
});

describe('components, groups, maintenance, templates, audiences and settings', () => {
  const checkout = () => house.components.get('Checkout') as string;

  it('answer bad input with what is wrong', async () => {
    const bad: [string, Record<string, string>, string, Role?][] = [
      ['/admin/components/new', { name: '' }, 'The name is empty'],
      ['/admin/components/new', { name: LONG }, 'at most 80'],
      ['/admin/components/new', { name: HIDDEN }, 'control characters'],
      ['/admin/components/new', { name: 'New', groupId: 'nosuchthing1' }, 'Choose a group from the list'],
      ['/admin/components/new', { name: 'New', startDate: 'spring' }, 'This is no day'],
      ['/admin/components', { name: '' }, 'The name is empty'],
      [`/admin/components/${checkout()}`, { do: 'save', name: '' }, 'The name is empty'],
      [`/admin/components/${checkout()}`, { do: 'status', status: 'fine' }, 'Choose a status from the list'],
      ['/admin/components', { move: 'component:nosuchthing1:up' }, 'There is no component'],
      ['/admin/components', { move: 'group:nosuchthing1:up' }, 'Choose a group from the list'],
      [
        '/admin/maintenance/new',
        { title: '', body: 'x', scheduledFor: '2999-01-01T10:00', scheduledUntil: '2999-01-01T11:00' },
        'The title is empty',
      ],
      [
        '/admin/maintenance/new',
        { title: 'x', body: '', scheduledFor: '2999-01-01T10:00', scheduledUntil: '2999-01-01T11:00' },
        'The announcement is empty',
      ],
      [
        '/admin/maintenance/new',
        { title: 'x', body: 'x', scheduledFor: '', scheduledUntil: '2999-01-01T11:00' },
        'The start is missing',
      ],
      [
        '/admin/maintenance/new',
        { title: 'x', body: 'x', scheduledFor: '2020-01-01T10:00', scheduledUntil: '2999-01-01T11:00' },
        'has passed already',
      ],
      [
        '/admin/maintenance/new',
        { title: 'x', body: 'x', scheduledFor: '2999-01-01T12:00', scheduledUntil: '2999-01-01T11:00' },
        'not after the start',
      ],
      [
        '/admin/maintenance/new',
        {
          title: 'x',
          body: 'x',
          scheduledFor: '2999-01-01T10:00',
          scheduledUntil: '2999-01-01T11:00',
          components: 'nosuchthing1',
        },
        'There is no component',
      ],
      ['/admin/templates/new', { kind: 'progress', name: '', body: 'x' }, 'The name is empty'],
      ['/admin/templates/new', { kind: 'rant', name: 'x', body: 'x' }, 'Choose what the template is for'],
      ['/admin/templates/new', { kind: 'progress', name: 'x', body: LONG }, 'at most 5000'],
      ['/admin/audiences/support', { do: 'add', address: 'mia', person: '' }, 'This is no mail address'],
      ['/admin/audiences/support', { do: 'add', address: '', person: '' }, 'The mail address is empty'],
      [
        '/admin/audiences/support',
        { do: 'add', address: 'mia@example.com', person: HIDDEN },
        'control characters',
      ],
      ['/admin/audiences/support', { do: 'save', name: '' }, 'The name is empty'],
      ['/admin/audiences/support', { remove: 'nosuchthing1' }, 'not in the audience'],
      [
        '/admin/settings',
        { name: '', timeZone: 'UTC', uptimeWeight: '0.3' },
        'The page’s name is empty',
        'owner',
      ],
      [
        '/admin/settings',
        { name: 'x', timeZone: 'Mars', uptimeWeight: '0.3' },
        'time zone is not known',
        'owner',
      ],
      ['/admin/settings', { name: 'x', timeZone: 'UTC', uptimeWeight: '3' }, 'at most 1', 'owner'],
    ];
    const before = (await house.db.read((tx) => listAudit(tx, null, 1)))[0]?.seq;
    for (const [path, fields, said, role] of bad) {
      const answer = await house.post(path, fields, role);
      expect([404, 422], `${path} ${JSON.stringify(fields)}`).toContain(answer.status);
      expect(problems(answer.body).join(' '), `${path} ${JSON.stringify(fields)}`).toContain(said);
    }
    expect((await house.db.read((tx) => listAudit(tx, null, 1)))[0]?.seq).toBe(before);
  });

  it('do what they say', async () => {
    const made = await house.post('/admin/components/new', { name: 'Wish lists', showUptime: 'yes' });
    expect(made.status).toBe(303);
    const list = (await house.get('/admin/components')).body;
    const id = /href="\/admin\/components\/(\w+)"[^>]*>\s*Wish lists/.exec(list)?.[1] as string;
    await house.post(`/admin/components/${id}`, { do: 'status', status: 'partial_outage' });
    expect((await house.get('/')).body).toContain('Wish lists');
    expect((await house.get('/admin/components')).body).toContain('set by hand');
    await house.post(`/admin/components/${id}`, { do: 'archive' });
    expect((await house.get('/')).body).not.toContain('Wish lists');

    const [first] = [...list.matchAll(/value="component:(\w+):down"/g)].map((match) => match[1] as string);
    await house.post('/admin/components', { move: `component:${first}:down` });
    const moved = (await house.get('/admin/components')).body;
    expect([...moved.matchAll(/value="component:(\w+):down"/g)][1]?.[1]).toBe(first);

    const planned = await house.post('/admin/maintenance/new', {
      title: 'Cart database upgrade',
      body: 'The cart pauses.',
      scheduledFor: '2999-01-01T10:00',
      scheduledUntil: '2999-01-01T11:00',
      components: house.components.get('Cart') as string,
      notify: 'yes',
    });
    const path = String(planned.headers.location).split('?')[0] as string;
    expect((await house.get(String(planned.headers.location))).body).toContain('Queued for 12 people.');
    for (const shown of ['/admin', '/admin/maintenance', path])
      expect((await house.get(shown)).body, shown).toContain('1 Jan 2999, 10:00 to 11:00 UTC');
    const post = (status: string) =>
      house.get(path).then((page) =>
        house.post(path, {
          do: 'post',
          version: /name="version" value="(\d+)"/.exec(page.body)?.[1] as string,
          audience: 'public',
          status,
          body: `Now ${status}.`,
        }),
      );
    expect((await post('in_progress')).status).toBe(303);
    expect((await house.get('/')).body).toContain('Cart database upgrade');
    expect((await post('completed')).status).toBe(303);
    expect((await post('scheduled')).status).toBe(422);
  });
});
