/** The format is that of C2SP tlog-policy; the first example is the one of its specification, with keys. */
import { describe, expect, test } from 'vitest'
import { formatVkey } from '../../src/ledger/note-key.js'
import { isQuorum, parseWitnessPolicy } from '../../src/ledger/witness-policy.js'
import { accepted, keyOf } from './support.js'

const vkey = (name: string, seed: number) => formatVkey(keyOf(name, seed), 'cosignature')
const X = [1, 2, 3].map((seed) => vkey(`x.example/${seed}`, seed))
const Y = [4, 5, 6].map((seed) => vkey(`y.example/${seed}`, seed))
const LOG = formatVkey(keyOf('log.example', 9))

const EXAMPLE = `log ${LOG}

# two organisations
witness X1 ${X[0]}
witness X2 ${X[1]}
witness X3 ${X[2]}
group X-witnesses 2 X1 X2 X3

 \twitness Y1 ${Y[0]} https://y.example/1/
witness Y2 ${Y[1]}
witness Y3 ${Y[2]}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
`

describe('a witness policy', () => {
  test('names witnesses with their keys and where they are asked', () => {
    const { witnesses } = accepted(parseWitnessPolicy(EXAMPLE))
    expect(witnesses.map(({ name }) => name)).toEqual(['X1', 'X2', 'X3', 'Y1', 'Y2', 'Y3'])
    expect(witnesses.map(({ url }) => url)[3]).toBe('https://y.example/1')
    expect(witnesses[0]?.key.name).toBe('x.example/1')
  })

  test.each([
    [['X1', 'X2', 'Y3'], true],
    [['X1', 'X2', 'X3', 'Y1', 'Y2'], true],
    [['X1', 'Y1', 'Y2', 'Y3'], false],
    [['X1', 'X2', 'X3'], false],
    [[], false],
  ])('says of %j whether they are enough: %s', (cosigned, enough) => {
    const { quorum } = accepted(parseWitnessPolicy(EXAMPLE))
    expect(isQuorum(quorum, new Set(cosigned))).toBe(enough)
  })

  test('may ask for nobody', () => {
    const { quorum, witnesses } = accepted(parseWitnessPolicy('quorum none\n'))
    expect(isQuorum(quorum, new Set())).toBe(true)
    expect(witnesses).toEqual([])
  })

  const ONE = `witness a ${X[0]}\n`
  test.each([
    ['no quorum', ONE, 'policy'],
    ['two quorums', 'quorum none\nquorum none\n', 'policy/line 2'],
    ['a quorum that is not defined above', `quorum a\n${ONE}`, 'policy/line 1'],
    ['a name twice', `${ONE}witness a ${X[1]}\nquorum a\n`, 'policy/line 2'],
    ['a witness twice, under another name', `${ONE}witness b ${X[0]}\nquorum a\n`, 'policy/line 2'],
    ['the name none', `witness none ${X[0]}\nquorum none\n`, 'policy/line 1'],
    ['a member that is not defined', `${ONE}group g any a b\nquorum g\n`, 'policy/line 2'],
    ['a member twice', `${ONE}group g any a a\nquorum g\n`, 'policy/line 2'],
    ['a member of two groups', `${ONE}group g any a\ngroup h any a\nquorum h\n`, 'policy/line 3'],
    ['a threshold above its members', `${ONE}group g 2 a\nquorum g\n`, 'policy/line 2'],
    ['a threshold of zero', `${ONE}group g 0 a\nquorum g\n`, 'policy/line 2'],
    ['a group of nobody', `${ONE}group g any\nquorum none\n`, 'policy/line 2'],
    ['a log key for a witness', `witness a ${LOG}\nquorum a\n`, 'policy/line 1'],
    ['a witness key for a log', `log ${X[0]}\nquorum none\n`, 'policy/line 1'],
    ['a URL of another kind', `witness a ${X[0]} file:///x\nquorum a\n`, 'policy/line 1'],
    ['an unknown line', 'wittness a\nquorum none\n', 'policy/line 1'],
    ['a carriage return', `quorum none\r\n`, 'policy'],
  ])('with %s is refused, and the line named', (_, text, where) => {
    expect(parseWitnessPolicy(text)).toMatchObject({ refused: 'MALFORMED', where })
  })
})
