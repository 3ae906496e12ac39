/** An audit row's action in words. What an older or newer version wrote is spelled out from its name: `gate.openWide`, "Gate: open wide". */
export function auditWords(action: string): string {
  const known = AUDIT_WORDS[action];
  if (known) return known;
  const [subject = '', deed = ''] = action.split('.');
  const words = deed.replace(/([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`).trim();
  return `${subject.charAt(0).toUpperCase()}${subject.slice(1)}${words ? `: ${words}` : ''}`;
}

/** The detail of an audit row as one line: "from viewer, to comms". */
export function auditDetail(detail: Record<string, unknown>): string {
  return Object.entries(detail)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => {
      const words = typeof value === 'string' ? value : JSON.stringify(value);
      return name === 'text' ? words : `${name} ${words}`;
    })
    .join(', ');
}

export const AUDIT_WORDS: Record<string, string> = {
  'incident.declare': 'Declared an incident',
  'incident.post': 'Posted a public update',
  'incident.postInternal': 'Posted an internal update',
  'incident.severity': 'Changed a severity',
  'incident.editUpdate': 'Edited an update',
  'incident.correct': 'Corrected components',
  'incident.title': 'Changed a title',
  'incident.times': 'Put times right',
  'incident.role': 'Changed who does what',
  'incident.note': 'Wrote in the log',
  'incident.backfill': 'Put a past incident on the record',
  'incident.adopt': 'Adopted an imported incident',
  'incident.pace': 'Agreed on a pace',
  'incident.policies': 'Put an incident under the policies of today',
  'incident.haveIt': 'Said “I have it”',
  'brief.link': 'Made a link to a brief',
  'brief.endLink': 'Ended a link to a brief',
  'incident.addViewer': 'Let someone see a restricted incident',
  'incident.removeViewer': 'Took someone’s sight of a restricted incident',
  'incident.joinSealed': 'Let themselves in as an owner',
  'incident.unseal': 'Published a restricted incident',
  'approval.ask': 'Asked for an update to be approved',
  'approval.publish': 'Approved an update',
  'approval.sendBack': 'Sent an update back',
  'approval.takeBack': 'Took an update back',
  'policies.save': 'Changed the policies',
  'maintenance.schedule': 'Planned a maintenance',
  'maintenance.cancel': 'Called off a maintenance',
  'component.create': 'Added a component',
  'component.change': 'Changed a component',
  'component.archive': 'Archived a component',
  'component.move': 'Moved a component',
  'component.setStatus': 'Set a status by hand',
  'group.create': 'Added a group',
  'group.change': 'Changed a group',
  'group.move': 'Moved a group',
  'group.delete': 'Deleted a group',
  'template.create': 'Added a template',
  'template.change': 'Changed a template',
  'template.delete': 'Deleted a template',
  'template.approve': 'Approved a template to be posted automatically',
  'template.unapprove': 'Took back that a template may be posted automatically',
  'subscriber.add': 'Added a subscriber',
  'subscriber.import': 'Imported subscribers',
  'subscriber.confirm': 'Confirmed a subscription',
  'subscriber.choose': 'Changed what a subscriber gets',
  'subscriber.unsubscribe': 'Unsubscribed a subscriber',
  'subscriber.share': 'Marked an address as read by many',
  'subscriber.unshare': 'Took the mark off that many read an address',
  'subscriber.undo': 'Took an unsubscribing back',
  'subscriber.erase': 'Erased a subscriber',
  'subscriber.lookUp': 'Looked up what someone was told',
  'suppression.add': 'Put an address on the suppression list',
  'suppression.lift': 'Let an address be mailed again',
  'hook.add': 'Added a webhook or chat',
  'hook.confirm': 'Confirmed a webhook',
  'hook.choose': 'Changed what a webhook or chat gets',
  'hook.rotate': 'Took a new signing secret',
  'hook.resume': 'Let calls to a webhook or chat go on',
  'hook.remove': 'Removed a webhook or chat',
  'hook.erase': 'Erased a webhook or chat',
  'hook.test': 'Sent a sample call',
  'audience.change': 'Changed an audience',
  'audience.addMember': 'Added someone to an audience',
  'audience.removeMember': 'Removed someone from an audience',
  'delivery.sendNow': 'Sent mail without waiting',
  'delivery.stop': 'Stopped mail',
  'delivery.goOn': 'Let stopped mail go on',
  'delivery.retry': 'Sent refused mail again',
  'delivery.repeatUncertain': 'Sent again what may have arrived',
  'delivery.closeUncertain': 'Left as it is what may have arrived',
  'provider.resume': 'Let the mail go on',
  'provider.pause': 'Paused the mail',
  'settings.save': 'Changed the settings',
  'import.statuspage': 'Imported a status page',
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
  'user.makeApprover': 'Made someone an approver',
  'user.endApprover': 'Ended someone’s being an approver',
  'user.disable': 'Disabled a user',
  'user.enable': 'Enabled a user',
};
