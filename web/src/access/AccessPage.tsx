export default function AccessPage() { return null; }
