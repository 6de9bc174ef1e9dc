/** A mail server that answers a little at a time, and so is never idle, holds nobody up for longer than it may take in all. */

import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { expect, it } from 'vitest'
import type { Notice } from '../../src/domain/shapes/notice.js'
import { createMail } from '../../src/notices/mail.js'

const AT = '2026-01-01T00:00:00.000Z'
const notice: Notice = {
  ...{ id: `ntc_${'0'.repeat(32)}`, topic: 'awaited', to: 'person:per_ana', at: AT, from: AT },
  ...{ caseId: null, stepId: null, round: null, onBehalfOf: null, until: null },
  ...{ says: 'You are asked.', look: 'countersign inbox' },
}

it('is given up in time, and tried again', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.write('220 here\r\n')
    const dripping = setInterval(() => socket.write('250-more\r\n'), 50)
    socket.on('close', () => clearInterval(dripping))
    socket.resume()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const mail = createMail({
    mail: { kind: 'mail', host: '127.0.0.1', port, security: 'none', from: 'us@bank.test' },
    ...{ password: null, allWithinMs: 500 },
  })
  expect(await mail.carry(notice, 'ana@bank.test')).toMatchObject({
    kind: 'failed',
    again: 'later',
  })
  mail.close()
  await new Promise<void>((resolve) => server.close(() => resolve()))
})
