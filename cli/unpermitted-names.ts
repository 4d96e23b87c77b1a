/** For names of the setting `hostname` that the own authority cannot issue for. */
export function unpermittedText(names: readonly string[]): string {
  return `the own certificate authority was not made for ${names.join(', ')}: clients that ask for ${
    names.length === 1 ? 'it' : 'them'
  } will refuse the certificate. Make an authority that is, which all clients have to trust anew, with: gatehouse cert renew --new-authority`;
}
