/** The part of node-forge that is used, loaded alone: the package as a whole takes 150 ms. */
declare module 'node-forge/lib/asn1.js' {
  import type { asn1 } from 'node-forge';

  interface DerOptions {
    strict: boolean;
    decodeBitStrings: boolean;
  }
  const module: Omit<typeof asn1, 'fromDer'> & { fromDer(bytes: string, options: DerOptions): asn1.Asn1 };
  export default module;
}
