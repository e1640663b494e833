export default async function startTemporal(): Promise<void> {}
