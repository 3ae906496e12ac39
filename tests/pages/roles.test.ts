import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accessOf } from '#auth/routes.ts';
import type { Ctx } from '#db/context.ts';
import { AppError } from '#domain/errors.ts';
import { ROLES, type Role } from '#domain/permissions.ts';
import { routePatterns } from '../auth/fixtures.ts';
import { userActor } from '../support/context.ts';
import {
  dump,
  FURNISHED_ENV,
  type Furnished,
  furnish,
  PASSWORD,
  pathOf,
  SECRET_DOMAIN,
  signInAs,
} from '../support/furnished.ts';
import { ask } from '../support/http.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { findVerbs, type Verb } from '../support/verbs.ts';

/** Who may do what, said here once more in full: neither the table of permissions nor a page may drift from it unnoticed. */
const OWNER: readonly Role[] = ['owner'];
const POSTING: readonly Role[] = ['owner', 'comms'];
const RESPONDING: readonly Role[] = ['owner', 'comms', 'responder'];
const EVERYONE: readonly Role[] = ROLES;

/** Every verb that a page or a command calls, with who may use it. */
const VERBS: Record<string, readonly Role[]> = {
  addHookSubscriber: POSTING,
  getHookSubscriber: POSTING,
  goOn: POSTING,
  listHookSubscribers: POSTING,
  eraseHookSubscriber: POSTING,
  removeHookSubscriber: POSTING,
  resumeHookSubscriber: POSTING,
  rotateHookSecret: POSTING,
  saveHookChoice: POSTING,
  sendNow: POSTING,
  stopSending: POSTING,
  tryHookSubscriber: POSTING,
  abandonDrill: RESPONDING,
  addIncidentRunbook: RESPONDING,
  addLogEntry: RESPONDING,
  addMember: POSTING,
  addPagingPlace: OWNER,
  getPagingPlace: OWNER,
  listPagingPlaces: OWNER,
  removePagingPlace: OWNER,
  resumePagingPlace: OWNER,
  savePagingPlace: OWNER,
  tryPagingPlace: OWNER,
  addShift: POSTING,
  addSubscriber: POSTING,
  addSuppression: POSTING,
  addViewer: EVERYONE,
  adoptIncident: POSTING,
  waivePostmortem: POSTING,
  approveTemplate: POSTING,
  archiveComponent: POSTING,
  assignRole: RESPONDING,
  backfillIncident: POSTING,
  cancelMaintenance: POSTING,
  changePassword: EVERYONE,
  changeShift: POSTING,
  changeTitle: RESPONDING,
  closeUncertain: POSTING,
  correctComponents: POSTING,
  previewCorrection: POSTING,
  countSubscribers: POSTING,
  countSuppressions: EVERYONE,
  createBriefLink: POSTING,
  createComponent: POSTING,
  addChat: POSTING,
  createAccount: POSTING,
  createAudience: POSTING,
  createGroup: POSTING,
  createUser: OWNER,
  decideAllUncertain: POSTING,
  decideHeld: POSTING,
  declareAndPublish: POSTING,
  declareIncident: RESPONDING,
  declareRestricted: RESPONDING,
  deleteAccount: POSTING,
  deleteAudience: POSTING,
  deleteGroup: POSTING,
  deleteRunbook: RESPONDING,
  deleteTemplate: POSTING,
  disableUser: OWNER,
  discardDraft: RESPONDING,
  dropRest: POSTING,
  dueNow: EVERYONE,
  editUpdate: RESPONDING,
  enableUser: OWNER,
  endFeed: EVERYONE,
  endLink: POSTING,
  endMaintenance: POSTING,
  endOwnSession: EVERYONE,
  endRole: RESPONDING,
  eraseSubscriber: POSTING,
  fillTemplate: EVERYONE,
  findMending: POSTING,
  findSubscriberByAddress: POSTING,
  findSuppression: POSTING,
  getApproval: EVERYONE,
  getApprovalOf: EVERYONE,
  getAccount: POSTING,
  getAudience: POSTING,
  getBrief: EVERYONE,
  getDrill: EVERYONE,
  getDeliveryHealth: EVERYONE,
  getDutyLine: EVERYONE,
  getFanout: EVERYONE,
  getFanoutDetail: EVERYONE,
  getIncident: EVERYONE,
  getKeptReport: EVERYONE,
  getKeptWord: EVERYONE,
  getPolicies: EVERYONE,
  getReceiptHealth: EVERYONE,
  getRunbook: RESPONDING,
  getRota: EVERYONE,
  getSeal: EVERYONE,
  getShift: EVERYONE,
  getSubscriberFile: POSTING,
  getTemplate: EVERYONE,
  haveIt: RESPONDING,
  importStatuspage: OWNER,
  importSubscribers: POSTING,
  inviteUser: OWNER,
  joinSealed: OWNER,
  liftSuppression: POSTING,
  listAccounts: POSTING,
  listAudiences: POSTING,
  listComponents: EVERYONE,
  listContacts: POSTING,
  listDeliveries: EVERYONE,
  listDutyChoices: POSTING,
  listFanouts: EVERYONE,
  listFanoutsOf: EVERYONE,
  listDrills: EVERYONE,
  listIncidentRunbooks: EVERYONE,
  listIncidents: EVERYONE,
  listLed: EVERYONE,
  listOutgoing: EVERYONE,
  listOverdueOwn: EVERYONE,
  listPostmortems: EVERYONE,
  getPostmortem: EVERYONE,
  listOwnFeeds: EVERYONE,
  listOwnSessions: EVERYONE,
  listRunbookOwners: RESPONDING,
  listRunbooks: EVERYONE,
  listSealed: OWNER,
  listSubscribers: POSTING,
  listSuppressions: EVERYONE,
  listTemplates: EVERYONE,
  listToldAudiences: EVERYONE,
  listHeld: EVERYONE,
  listUncertain: EVERYONE,
  listUsers: OWNER,
  listWaiting: EVERYONE,
  listWhoHasIt: EVERYONE,
  lookUp: POSTING,
  makeSignInLink: OWNER,
  markShared: POSTING,
  moveComponent: POSTING,
  moveGroup: POSTING,
  pasteMembers: POSTING,
  pauseProvider: POSTING,
  previewDrop: POSTING,
  postUpdate: POSTING,
  previewMend: POSTING,
  previewOnScreen: RESPONDING,
  previewUpdate: RESPONDING,
  publishApproved: EVERYONE,
  readAutomaticTrouble: EVERYONE,
  readAudit: OWNER,
  readMail: POSTING,
  readPrivateExport: OWNER,
  removeMember: POSTING,
  removeRunbook: RESPONDING,
  removeShift: POSTING,
  removeViewer: EVERYONE,
  renewFeed: EVERYONE,
  repeatShifts: POSTING,
  repeatUncertain: POSTING,
  resumeProvider: POSTING,
  retryRefused: POSTING,
  reviewDrill: RESPONDING,
  reviewRunbook: RESPONDING,
  saveAccount: POSTING,
  saveAudience: POSTING,
  saveBrand: OWNER,
  getAccessSettings: OWNER,
  saveAccess: OWNER,
  saveDraft: RESPONDING,
  savePolicies: OWNER,
  saveRunbook: RESPONDING,
  saveSettings: OWNER,
  saveTemplate: POSTING,
  scheduleMaintenance: POSTING,
  scheduleSeries: POSTING,
  endSeries: POSTING,
  getSeries: EVERYONE,
  listSeries: EVERYONE,
  changeWindow: POSTING,
  getKeeping: EVERYONE,
  listOverlaps: EVERYONE,
  listNewOverlaps: EVERYONE,
  listWindows: EVERYONE,
  listAllOverlaps: EVERYONE,
  sendBack: EVERYONE,
  setApprover: OWNER,
  setIncidentTimes: RESPONDING,
  setManualStatus: POSTING,
  // Of responders its commander alone (services/incidentParts).
  setOwnPace: RESPONDING,
  setRole: OWNER,
  signOutEverywhere: EVERYONE,
  startMaintenance: POSTING,
  takeBack: EVERYONE,
  startDrill: RESPONDING,
  suggestDrillRoles: RESPONDING,
  takeSuggestedRunbooks: RESPONDING,
  tickStep: RESPONDING,
  takeOver: POSTING,
  unsubscribeSubscriber: POSTING,
  updateComponent: POSTING,
  updateGroup: POSTING,
  useCurrentPolicies: POSTING,
  writeNote: EVERYONE,
};

/** What needs no permission: what the public page shows, and what the link in a mail allows. */
const OPEN = new Set([
  // Shown to everyone.
  'getApiIncident',
  'getApiSnapshot',
  'getBrand',
  'getChoices',
  'getLogo',
  'getComponentFeed',
  'getGlance',
  'getHeadline',
  'getHistoryFeed',
  'getHistoryMonth',
  'getKeptPage',
  'getMaintenanceCalendar',
  'getPublicComponent',
  'getPublicFrame',
  'getPublicIncident',
  'getSettings',
  'getSitemap',
  'getStatusPage',
  // The token, or the address's owner, says yes.
  'readDutyFeed',
  'readSharedBrief',
  'askForFreshLink',
  'confirmWebhook',
  'removeOwnHook',
  'resumeOwnHook',
  'rotateOwnSecret',
  'saveOwnHook',
  'subscribeWebhook',
  'tryOwnHook',
  'viewOwnHook',
  'confirmSubscription',
  'getSubscription',
  'mailFreshLink',
  'saveSubscription',
  'subscribe',
  'undoUnsubscribe',
  'unsubscribe',
  'unsubscribeFromManage',
  'viewConfirmation',
  'viewUnsubscribe',
  'acceptInvitation',
  'readInvitation',
  // The provider's signature says yes.
  'applySoon',
  'receiveEvent',
  // Give those who may not nothing, in place of a refusal.
  'listHandovers',
  'listPeople',
  'loadDraft',
  // Says yes or no, and does nothing.
  'mayWriteNote',
]);

/** Who may see each page; a role that may not gets 403. */
const PAGES: Record<string, readonly Role[]> = {
  '/admin': EVERYONE,
  '/admin/account': EVERYONE,
  '/admin/api/drafts': EVERYONE,
  '/admin/approvals/[id]': EVERYONE,
  '/admin/approvals/[id]/mail': EVERYONE,
  '/admin/accounts': POSTING,
  '/admin/accounts/[id]': POSTING,
  '/admin/accounts/new': POSTING,
  '/admin/audiences': POSTING,
  '/admin/audiences/[id]': POSTING,
  '/admin/audiences/new': POSTING,
  '/admin/audit': OWNER,
  '/admin/components': EVERYONE,
  '/admin/components/[id]': POSTING,
  '/admin/components/embed': EVERYONE,
  '/admin/components/groups/[id]': POSTING,
  '/admin/components/new': POSTING,
  '/admin/deliveries': EVERYONE,
  '/admin/deliveries/[id]': EVERYONE,
  '/admin/deliveries/[id]/drop': POSTING,
  '/admin/deliveries/[id]/mend': POSTING,
  '/admin/deliveries/[id]/mend/correction': POSTING,
  '/admin/deliveries/[id]/mend/mail': POSTING,
  '/admin/deliveries/[id]/progress.json': EVERYONE,
  '/admin/deliveries/health': EVERYONE,
  '/admin/deliveries/mail/[seq]': POSTING,
  '/admin/deliveries/mail/[seq]/html': POSTING,
  '/admin/deliveries/uncertain': EVERYONE,
  '/admin/due': EVERYONE,
  '/admin/drills': EVERYONE,
  '/admin/drills/[id]': EVERYONE,
  '/admin/drills/new': RESPONDING,
  '/admin/duty': EVERYONE,
  '/admin/duty/[id]': EVERYONE,
  '/admin/duty/handover': EVERYONE,
  '/admin/duty/new': POSTING,
  '/admin/duty/repeat': POSTING,
  '/admin/heard': POSTING,
  '/admin/incidents': EVERYONE,
  '/admin/incidents/[id]': EVERYONE,
  '/admin/incidents/[id]/brief': EVERYONE,
  '/admin/incidents/[id]/next': EVERYONE,
  '/admin/incidents/[id]/preview': RESPONDING,
  '/admin/incidents/[id]/preview.json': RESPONDING,
  '/admin/incidents/backfill': POSTING,
  '/admin/incidents/new': RESPONDING,
  '/admin/incidents/restricted': RESPONDING,
  '/admin/maintenance': EVERYONE,
  '/admin/maintenance/[id]': EVERYONE,
  '/admin/maintenance/[id]/preview': RESPONDING,
  '/admin/maintenance/[id]/preview.json': RESPONDING,
  '/admin/maintenance/new': POSTING,
  '/admin/maintenance/series/[id]': EVERYONE,
  '/admin/reports': EVERYONE,
  '/admin/reports/kept.csv': EVERYONE,
  '/admin/reports/kept.json': EVERYONE,
  '/admin/runbooks': EVERYONE,
  '/admin/runbooks/[id]': RESPONDING,
  '/admin/runbooks/new': RESPONDING,
  '/admin/settings': OWNER,
  '/admin/settings/access': OWNER,
  '/admin/settings/brand': OWNER,
  '/admin/settings/paging': OWNER,
  '/admin/settings/paging/[id]': OWNER,
  '/admin/settings/paging/new': OWNER,
  '/admin/settings/policies': OWNER,
  '/admin/settings/restricted': OWNER,
  '/admin/subscribers': POSTING,
  '/admin/subscribers/[id]': POSTING,
  '/admin/subscribers/[id].json': POSTING,
  '/admin/subscribers/hooks': POSTING,
  '/admin/subscribers/hooks/[id]': POSTING,
  '/admin/subscribers/import': POSTING,
  '/admin/suppressions': EVERYONE,
  '/admin/templates': EVERYONE,
  '/admin/templates/[id]': POSTING,
  '/admin/templates/new': POSTING,
  '/admin/users': OWNER,
};

describe('who may do what', () => {
  let folder: string;
  let house: Furnished;
  let server: TestServer;
  const cookies = {} as Record<Role, string>;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'foghorn-roles-'));
    house = await furnish(folder);
    server = await startServer({ dataDir: folder, env: FURNISHED_ENV });
    for (const role of ROLES) cookies[role] = await signInAs(server.url, house.users[role].email);
  });
  afterAll(async () => {
    await server?.stop();
    await house?.foghorn.close();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  /** Whether the actor is let past the permission; what then fails for want of sense is no matter. */
  async function refusal(verb: Verb, ctx: Ctx): Promise<string | null> {
    // Of everything that a verb may take, something that is nowhere: nothing is done, whoever may.
    const nothing = { incidentId: 'nowhere', maintenanceId: 'nowhere', updateId: 'nowhere', version: 0 };
    try {
      await verb(ctx, { ...nothing, audience: 'public', components: [], updates: [] }, {});
      return null;
    } catch (error) {
      const code = error instanceof AppError ? error.code : null;
      return code === 'forbidden' || code === 'unauthenticated' ? code : null;
    }
  }

  it('knows every verb that can be reached from outside', async () => {
    const known = new Set([...Object.keys(VERBS), ...OPEN]);
    const reached = await findVerbs();
    expect([...reached.keys()].filter((name) => !known.has(name))).toEqual([]);
    expect([...known].filter((name) => !reached.has(name))).toEqual([]);
  });

  it('is asked by each verb before anything else', async () => {
    const reached = await findVerbs();
    for (const [name, allowed] of Object.entries(VERBS)) {
      const verb = reached.get(name) as Verb;
      for (const role of ROLES) {
        const found = await refusal(verb, house.foghorn.contextFor(userActor(role)));
        expect(found, `${name} by ${role}`).toBe(allowed.includes(role) ? null : 'forbidden');
      }
      const stranger = await refusal(verb, house.foghorn.contextFor({ kind: 'visitor' }));
      expect(stranger, `${name} by a visitor`).toBe('unauthenticated');
    }
  });

  it('holds for every page of the admin', async () => {
    const closed = routePatterns().filter((pattern) => accessOf(pattern) === 'session');
    expect(closed.sort()).toEqual(Object.keys(PAGES).sort());
    for (const [pattern, allowed] of Object.entries(PAGES))
      for (const role of ROLES) {
        const path = pathOf(pattern, house.ids);
        const { status, headers } = await ask(server.url, path, { headers: { cookie: cookies[role] } });
        expect(status, `${path} as ${role}`).toBe(allowed.includes(role) ? 200 : 403);
        expect(headers['cache-control']).toBe('no-store');
      }
  });

  it('shows addresses to nobody who may not read subscribers', async () => {
    for (const role of ROLES.filter((one) => !POSTING.includes(one)))
      for (const pattern of Object.keys(PAGES)) {
        const path = pathOf(pattern, house.ids);
        for (const query of ['', '?show=waiting', '?show=sent', '?show=failed', '?show=left_out']) {
          const { body } = await ask(server.url, path + query, { headers: { cookie: cookies[role] } });
          expect(body, `${path}${query} as ${role}`).not.toMatch(
            new RegExp(`(anna|waiting|chief|gone|team)@${SECRET_DOMAIN}`),
          );
          for (const link of Object.values(house.links))
            expect(body, path).not.toContain(link.split(/[/=]/).at(-1));
        }
      }
    const { body } = await ask(server.url, `/admin/deliveries/${house.noticeId}`, {
      headers: { cookie: cookies.comms },
    });
    expect(body).toContain(`anna@${SECRET_DOMAIN}`);
  });

  /** Every form there is, filled in so that an owner's would do something. */
  const FORMS: readonly [pattern: string, fields: Record<string, string>, allowed: readonly Role[]][] = [
    ['/admin/audiences/[id]', { do: 'add', address: 'x@example.com', person: 'X' }, POSTING],
    ['/admin/audiences/[id]', { do: 'paste', lines: 'y@example.com, Y' }, POSTING],
    ['/admin/audiences/[id]', { name: 'Renamed', kind: 'inside', severities: 'SEV1' }, POSTING],
    ['/admin/audiences/new', { name: 'Board', kind: 'inside', severities: 'SEV1', facts: 'team' }, POSTING],
    ['/admin/accounts/[id]', { do: 'add', address: 'z@example.com', person: 'Z' }, POSTING],
    ['/admin/accounts/[id]', { do: 'delete' }, POSTING],
    ['/admin/accounts/new', { name: 'Globex', contactId: 'USER', components: 'x' }, POSTING],
    ['/admin/components', { name: 'New group' }, POSTING],
    ['/admin/components/[id]', { name: 'Renamed' }, POSTING],
    ['/admin/components/[id]', { do: 'status', status: 'major_outage' }, POSTING],
    ['/admin/components/groups/[id]', { name: 'Renamed' }, POSTING],
    ['/admin/components/new', { name: 'New one' }, POSTING],
    ['/admin/deliveries', { provider: 'file' }, POSTING],
    ['/admin/deliveries', { pause: 'file' }, POSTING],
    ['/admin/deliveries/[id]', { do: 'retry' }, POSTING],
    ['/admin/deliveries/[id]', { do: 'retryChosen', seq: '1' }, POSTING],
    ['/admin/deliveries/[id]', { do: 'repeatAll' }, POSTING],
    ['/admin/deliveries/[id]', { do: 'closeAll' }, POSTING],
    ['/admin/deliveries/uncertain', { do: 'repeat', seq: '1' }, POSTING],
    ['/admin/deliveries/uncertain', { do: 'close', seq: '1' }, POSTING],
    ['/admin/deliveries/uncertain', { do: 'notSent', batch: '1' }, POSTING],
    ['/admin/deliveries/uncertain', { do: 'wasSent', batch: '1' }, POSTING],
    ['/admin/deliveries/uncertain', { do: 'askAgain', batch: '1' }, POSTING],
    ['/admin/deliveries/[id]', { do: 'stop' }, POSTING],
    ['/admin/deliveries/[id]', { do: 'goOn' }, POSTING],
    ['/admin/deliveries/[id]/drop', {}, POSTING],
    ['/admin/deliveries/[id]/mend', { do: 'mend', body: 'x' }, POSTING],
    ['/admin/deliveries/[id]/mend', { do: 'preview', body: 'x' }, POSTING],
    ['/admin/drills/[id]', { do: 'save', well: 'x' }, RESPONDING],
    ['/admin/drills/[id]', { do: 'abandon' }, RESPONDING],
    ['/admin/drills/new', { title: 'x', severity: 'SEV4', participants: 'USER' }, RESPONDING],
    ['/admin/duty/[id]', { do: 'save', revision: '0', to: 'x', primary: 'USER' }, POSTING],
    ['/admin/duty/[id]', { do: 'remove', revision: '0' }, POSTING],
    ['/admin/duty/handover', { incident: 'x' }, RESPONDING],
    ['/admin/duty/new', { from: 'x', to: 'x', primary: 'USER' }, POSTING],
    ['/admin/duty/repeat', { firstDay: 'x', people: 'USER' }, POSTING],
    ['/admin/heard', { sought: `anna@${SECRET_DOMAIN}` }, POSTING],
    [
      '/admin/incidents/[id]',
      { do: 'post', version: '2', audience: 'public', status: 'identified', body: 'x' },
      POSTING,
    ],
    ['/admin/incidents/[id]', { do: 'title', version: '2', title: 'Other' }, POSTING],
    ['/admin/incidents/[id]', { do: 'hold', version: '2' }, POSTING],
    [
      '/admin/incidents/[id]',
      { do: 'post', version: '2', audience: 'internal', status: 'identified', body: 'x' },
      RESPONDING,
    ],
    ['/admin/incidents/[id]', { do: 'note', note: 'x' }, RESPONDING],
    ['/admin/incidents/[id]', { do: 'draft', body: 'x' }, RESPONDING],
    ['/admin/incidents/[id]', { do: 'role', role: 'scribe', user: '' }, RESPONDING],
    ['/admin/incidents/[id]', { do: 'adopt', version: '2' }, POSTING],
    ['/admin/incidents/[id]', { do: 'noPostmortem', reason: 'x' }, POSTING],
    ['/admin/incidents/[id]', { do: 'sendNow', notice: 'x' }, POSTING],
    ['/admin/incidents/[id]', { do: 'stopMail', notice: 'x' }, POSTING],
    ['/admin/incidents/[id]', { do: 'goOn', notice: 'x' }, POSTING],
    [
      '/admin/incidents/[id]',
      { do: 'pace', version: '2', publicUpdateEvery: '60', internalUpdateEvery: '', reason: 'x' },
      POSTING,
    ],
    ['/admin/incidents/[id]', { do: 'policies', version: '2', reason: 'x' }, POSTING],
    ['/admin/incidents/[id]/brief', { hours: '1', shows: 'public' }, POSTING],
    ['/admin/incidents/[id]/brief', { do: 'end', link: '1' }, POSTING],
    ['/admin/incidents/[id]/next', { do: 'post', version: '2', notify: 'yes', body: 'x' }, POSTING],
    ['/admin/incidents/[id]/next', { do: 'have' }, RESPONDING],
    ['/admin/incidents/backfill', { title: 'x' }, POSTING],
    ['/admin/incidents/new', { title: 'x', severity: 'SEV4' }, RESPONDING],
    ['/admin/incidents/restricted', { title: 'x', severity: 'SEV4' }, RESPONDING],
    ['/admin/maintenance/[id]', { do: 'note', note: 'x' }, RESPONDING],
    ['/admin/maintenance/[id]', { do: 'window', version: '2', until: '2999-01-01T10:00' }, POSTING],
    ['/admin/maintenance/[id]', { do: 'extend30', version: '2' }, POSTING],
    ['/admin/maintenance/[id]', { do: 'extend60', version: '2' }, POSTING],
    ['/admin/maintenance/[id]', { do: 'end', version: '2' }, POSTING],
    ['/admin/maintenance/series/[id]', { body: 'x' }, POSTING],
    ['/admin/maintenance/new', { title: 'x' }, POSTING],
    ['/admin/settings/access', { mode: 'everyone' }, OWNER],
    ['/admin/settings/brand', { accent: '#1f5fbf' }, OWNER],
    ['/admin/settings', { name: 'Renamed', timeZone: 'UTC', uptimeWeight: '0.3' }, OWNER],
    [
      '/admin/settings/paging/new',
      {
        channel: 'pager',
        name: 'x',
        routingKey: 'x',
        severities: 'SEV1',
        calls: 'all',
        owner: 'o@example.com',
      },
      OWNER,
    ],
    [
      '/admin/settings/paging/[id]',
      { do: 'save', name: 'x', severities: 'SEV1', calls: 'all', owner: 'o@example.com' },
      OWNER,
    ],
    ['/admin/settings/paging/[id]', { do: 'try' }, OWNER],
    ['/admin/settings/paging/[id]', { do: 'resume' }, OWNER],
    ['/admin/settings/paging/[id]', { do: 'remove' }, OWNER],
    ['/admin/settings/policies', { reason: 'x' }, OWNER],
    ['/admin/settings/restricted', { incident: 'x', reason: 'x' }, OWNER],
    ['/admin/subscribers', { address: 'y@example.com', consent: 'x' }, POSTING],
    ['/admin/subscribers', { find: `anna@${SECRET_DOMAIN}` }, POSTING],
    ['/admin/subscribers/[id]', { sure: 'yes' }, POSTING],
    ['/admin/subscribers/[id]', { do: 'share' }, POSTING],
    [
      '/admin/subscribers/hooks',
      { channel: 'webhook', url: 'https://receiver.example/other', owner: 'o@example.com' },
      POSTING,
    ],
    ['/admin/subscribers/hooks/[id]', { do: 'remove' }, POSTING],
    ['/admin/subscribers/hooks/[id]', { do: 'erase' }, POSTING],
    ['/admin/suppressions', { do: 'add', address: 'x@example.com', reason: 'x' }, POSTING],
    ['/admin/suppressions', { do: 'lift', address: `gone@${SECRET_DOMAIN}`, reason: 'x' }, POSTING],
    ['/admin/suppressions', { sought: `gone@${SECRET_DOMAIN}` }, POSTING],
    ['/admin/subscribers/import', { csv: 'email\nz@example.com' }, POSTING],
    ['/admin/templates/[id]', { do: 'delete' }, POSTING],
    ['/admin/incidents/[id]', { do: 'tick', runbook: '1', step: '2' }, RESPONDING],
    ['/admin/incidents/[id]', { do: 'tick', runbook: '1', again: '1' }, RESPONDING],
    ['/admin/incidents/[id]', { do: 'addRunbook', runbook: 'x' }, RESPONDING],
    ['/admin/incidents/[id]', { do: 'takeOff', runbook: '2' }, RESPONDING],
    ['/admin/runbooks', { do: 'take' }, RESPONDING],
    ['/admin/runbooks/[id]', { do: 'save', version: '1', title: 'x', steps: 'x' }, RESPONDING],
    ['/admin/runbooks/[id]', { do: 'review', version: '1' }, RESPONDING],
    ['/admin/runbooks/[id]', { do: 'delete' }, RESPONDING],
    ['/admin/runbooks/new', { title: 'x', steps: 'x' }, RESPONDING],
    ['/admin/templates/new', { kind: 'progress', name: 'x', body: 'x' }, POSTING],
    ['/admin/users', { do: 'role', user: 'USER', role: 'owner' }, OWNER],
    ['/admin/users', { do: 'link', user: 'USER' }, OWNER],
    ['/admin/users', { do: 'invite', name: 'x', email: 'w@example.com', role: 'owner' }, OWNER],
    ['/admin/users', { do: 'disable', user: 'USER' }, OWNER],
    ['/admin/users', { do: 'approver', user: 'USER', approver: 'yes' }, OWNER],
  ];

  it('refuses each form of the admin to who may not send it, and nothing is changed', async () => {
    const before = await dump(house.foghorn);
    for (const [pattern, fields, allowed] of FORMS)
      for (const role of ROLES.filter((one) => !allowed.includes(one))) {
        const filled = Object.fromEntries(
          Object.entries(fields).map(([name, value]) => [
            name,
            value === 'USER' ? house.users[role].id : value,
          ]),
        );
        const { status, body } = await ask(server.url, pathOf(pattern, house.ids), {
          method: 'POST',
          headers: {
            cookie: cookies[role],
            origin: server.url,
            'content-type': 'application/x-www-form-urlencoded',
          },
          body: new URLSearchParams(filled).toString(),
        });
        const which = `${pattern} ${JSON.stringify(fields)} as ${role}`;
        expect(status, which).toBe(403);
        expect(body, which).not.toContain(PASSWORD);
      }
    expect(await dump(house.foghorn)).toEqual(before);
    // No page that takes forms is left out.
    const withForms = new Set(FORMS.map(([pattern]) => pattern));
    const without = Object.keys(PAGES).filter((pattern) => !withForms.has(pattern));
    expect(
      without.filter(
        (pattern) => PAGES[pattern] !== EVERYONE && !/preview|mail|correction|json/.test(pattern),
      ),
    ).toEqual(['/admin/accounts', '/admin/audiences', '/admin/audit', '/admin/settings/paging']);
  });

  it('counts from the next click when a role is taken away', async () => {
    const owner = house.foghorn.contextFor({ kind: 'system', name: 'test' });
    const { setRole } = await import('#services/users.ts');
    const look = () => ask(server.url, '/admin/audiences', { headers: { cookie: cookies.comms } });
    expect((await look()).status).toBe(200);
    await setRole(owner, { userId: house.users.comms.id, role: 'viewer' });
    expect((await look()).status).toBe(403);
  });
});
