/** A service of `worker/service.js` that ends only when it is told to. */
import type { Service } from '../../../worker/service.js'

export function service(input: Pick<Service, 'ready' | 'stop'>): Service {
  let end: () => void = () => undefined
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  return { ...input, stop: () => input.stop().finally(end), ended }
}
