/// <reference types="astro/client" />

declare namespace App {
  interface Locals {
    /** The request's context; its actor is the signed-in user, else a visitor. */
    ctx: import('#db/context.ts').Ctx;
    /** The language of this address, and its words. */
    words: import('#i18n/words.ts').Words;
    /** The signed-in user; null on public pages and without a session. */
    user: Extract<import('#domain/permissions.ts').Actor, { kind: 'user' }> | null;
    /** The visitor's address as the trusted proxies give it. Never logged in clear. */
    clientAddress: string;
    requestId: string;
    /** What Resend signs its webhooks with (RESEND_WEBHOOK_SECRET); null when none are expected. */
    resendWebhookSecret: string | null;
  }
}
