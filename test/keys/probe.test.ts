import { it } from 'vitest'
import { createPrivateKey, createPublicKey, verify, generateKeyPairSync } from 'node:crypto'
import { generateEd25519, signerFromPem, signerFromKey } from '../../src/keys/sign.js'
import { nodeVerify } from '../../src/keys/verify.js'
import { isSound } from '../../src/domain/public-key.js'
const message = Buffer.from('exactly these bytes')
it('x', () => {
  let bad = 0
  for (let i = 0; i < 3000; i++) {
    const pem = generateEd25519().privateKeyPem
    const s = signerFromPem(pem)
    const signature = s.sign(message)
    if (!nodeVerify({ alg: 'ed25519', publicKey: s.publicKey, message, signature })) {
      bad++
      const key = createPublicKey(createPrivateKey(pem))
      console.log(i, isSound({ alg: 'ed25519', publicKey: s.publicKey }), verify(null, message, key, signature), s.publicKey.length, Buffer.from(s.publicKey).toString('hex'), key.export({format:'der',type:'spki'}).toString('hex'), signature.length,
       nodeVerify({ alg: 'ed25519', publicKey: s.publicKey, message, signature }))
    }
  }
  console.log('bad', bad)
  let b2 = 0
  for (let i = 0; i < 3000; i++) {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const s = signerFromKey(privateKey)
    if (Buffer.compare(s.publicKey, publicKey.export({format:'der',type:'spki'}).subarray(12))) { b2++; console.log(s.publicKey, publicKey.export({format:'jwk'})) }
  }
  console.log('b2', b2)
})
