// analytics-node, which came before @segment/analytics-node: one call of each type.
const Analytics = require('analytics-node')

const [host, writeKey] = process.argv.slice(2)
const analytics = new Analytics(writeKey, {
  host,
  errorHandler: (error) => { console.error(error); process.exitCode = 1 },
})
const at = new Date('2026-11-20T08:00:00.250Z')
analytics.identify({ userId: 'u-1', traits: { email: 'ada@example.org', since: at } })
analytics.track({ userId: 'u-1', event: 'Order Completed', properties: { total: 42.5, text: 'Zoë 🙂' }, timestamp: at })
analytics.page({ userId: 'u-1', category: 'Docs', name: 'Home', properties: { url: 'https://shop.example/' } })
analytics.screen({ userId: 'u-1', category: 'App', name: 'Home', properties: { dark: true } })
analytics.group({ userId: 'u-1', groupId: 'g-1', traits: { name: 'Analytical Engines' } })
analytics.alias({ previousId: 'anon-1', userId: 'u-1' })
analytics.track({ anonymousId: 'anon-1', event: 'Visited' })
analytics.flush()
