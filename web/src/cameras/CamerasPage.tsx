export default function CamerasPage() { return null; }
