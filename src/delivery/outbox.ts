import type { Hooks } from '#db/context.ts';
import { type Dispatcher, type DispatcherDeps, startDispatcher } from './dispatcher.ts';
import { hookTransport } from './transports/hook.ts';

/** Begins to hand over everything: mail by the way that the configuration names, and calls of webhooks and chats beside it. */
export function startOutbox(deps: DispatcherDeps & { hooks: Hooks }): Dispatcher {
  const { hooks, site } = deps;
  const dispatchers = [
    startDispatcher(deps),
    startDispatcher({
      ...deps,
      transport: hookTransport({ rules: hooks, resolve: hooks.resolve, siteUrl: site.url }),
    }),
  ];
  return {
    begun: Promise.all(dispatchers.map(({ begun }) => begun)).then(() => undefined),
    wake() {
      for (const dispatcher of dispatchers) dispatcher.wake();
    },
    async stop() {
      await Promise.all(dispatchers.map((dispatcher) => dispatcher.stop()));
    },
  };
}
