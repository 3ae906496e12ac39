/** An audit row's action in words. One that has none here is spelled out from its name: `incident.addLogEntry`, "Incident: add log entry". */
export function auditWords(action: string): string {
  const known = WORDS[action];
  if (known) return known;
  const [subject = '', deed = ''] = action.split('.');
  const words = deed.replace(/([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`).trim();
  return `${subject.charAt(0).toUpperCase()}${subject.slice(1)}${words ? `: ${words}` : ''}`;
}

/** The detail of an audit row as one line: "from viewer, to comms". */
export function auditDetail(detail: Record<string, unknown>): string {
  return Object.entries(detail)
    .map(([name, value]) => `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(', ');
}

const WORDS: Record<string, string> = {
  'user.create': 'Added a user',
  'user.invite': 'Invited a user',
  'user.makeSignInLink': 'Made a sign-in link',
  'user.acceptInvitation': 'Chose a password by a link',
  'user.signIn': 'Signed in',
  'user.signInFailed': 'Failed to sign in',
  'user.signOut': 'Signed out',
  'user.signOutEverywhere': 'Signed out everywhere',
  'user.endSession': 'Signed out another browser',
  'user.changePassword': 'Changed the password',
  'user.setRole': 'Changed a role',
  'user.disable': 'Disabled a user',
  'user.enable': 'Enabled a user',
};
