// The line that makes a machine the box of a site (deploy/install-site.sh), for a shell.

/** A word as a POSIX shell takes it. */
function word(text: string): string {
  return /^[A-Za-z0-9:/._-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** `host`: where sites call this hub. The installer's settings can't hold quotation marks, so the name goes without. */
export function installLine(host: string, token: string, name: string): string {
  const plain = name.replace(/["\\\p{Cc}]/gu, "").trim();
  const named = plain ? ` --name ${word(plain)}` : "";
  return `sudo sh install-site.sh --hub ${word(`https://${host}:8711`)} --token ${word(token)}${named}`;
}

/** The same for a box whose software is there and that records already. */
export function enrolLine(host: string, token: string): string {
  return `belvedere site enrol https://${host}:8711 ${token}`;
}
