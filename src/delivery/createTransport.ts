import { join } from 'node:path';
import type { TransportName } from '#db/batches.ts';
import { installationMark } from '#domain/receipts.ts';
import type { Sign } from '#emails/links.ts';
import { parseMailbox } from './mail.ts';
import type { Transport } from './transport.ts';
import { fileTransport } from './transports/file.ts';
import { resendTransport } from './transports/resend.ts';
import { smtpTransport } from './transports/smtp.ts';

/** What of the configuration decides how mail leaves. */
export type MailConfig = {
  mailTransport: Exclude<TransportName, 'hook'>;
  /** "Name <address>" */
  mailFrom: string;
  mailReplyTo: string | null;
  siteUrl: string;
  dataDir: string;
  resendApiKey: string | null;
  resendBaseUrl: string;
  resendDailyLimit?: number | null;
  resendMonthlyLimit?: number | null;
  smtpUrl: string | null;
  smtpConnections?: number;
  smtpRate?: number | null;
};

/** The way out that the configuration names. It connects only when there is something to send. */
export function createTransport(config: MailConfig, sign: Sign): Transport {
  const sender = {
    from: parseMailbox(config.mailFrom),
    replyTo: config.mailReplyTo ? parseMailbox(config.mailReplyTo) : null,
    siteUrl: config.siteUrl,
  };
  switch (config.mailTransport) {
    case 'file':
      return fileTransport({ folder: join(config.dataDir, 'mail'), sender });
    case 'resend':
      return resendTransport({
        apiKey: config.resendApiKey ?? missing('RESEND_API_KEY'),
        baseUrl: config.resendBaseUrl,
        keyMark: sign('provider key', config.resendApiKey ?? ''),
        sender,
        mark: installationMark(sign, config.siteUrl),
        limits: { day: config.resendDailyLimit ?? null, month: config.resendMonthlyLimit ?? null },
      });
    case 'smtp':
      return smtpTransport({
        url: config.smtpUrl ?? missing('SMTP_URL'),
        connections: config.smtpConnections,
        rate: config.smtpRate,
        sender,
      });
  }
}

function missing(name: string): never {
  throw new Error(`${name} is not set, and MAIL_TRANSPORT needs it.`);
}
