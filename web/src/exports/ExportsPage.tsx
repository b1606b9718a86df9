export default function ExportsPage() { return null; }
