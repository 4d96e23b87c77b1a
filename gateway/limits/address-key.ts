/** What counts as one client: an IPv4 address; of IPv6 the /64, since one machine has a whole one. */
export function addressKey(address: string): string {
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.toLowerCase().split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros =
    tail === undefined ? [] : Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0');
  const words = [...left, ...zeros, ...right].slice(0, 4);
  return `${words.map((word) => word.replace(/^0+(?=.)/, '')).join(':')}::/64`;
}
