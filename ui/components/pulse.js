// Asks now and then whether anything changed, and says so: an idle page costs no rerun.
const AGAIN_MS = 6000

async function ask(here) {
  if (!here.isConnected) return clearInterval(here.timer)
  if (document.hidden || here.isAsking) return
  here.isAsking = true
  try {
    const { data, setTriggerValue } = here.latest
    const answer = await fetch(`${data.base}/pulse/${data.step_s}/${data.pace_s}`, { cache: 'no-store' })
    if (!answer.ok) return
    const token = await answer.text()
    const isNew = token !== here.told || Date.now() - here.toldAt > AGAIN_MS
    if (token !== here.latest.data.token && isNew) {
      here.told = token
      here.toldAt = Date.now()
      setTriggerValue('changed', token)
    }
  } catch {
    // The server is away; Streamlit says so.
  } finally {
    here.isAsking = false
  }
}

export default function ({ parentElement, data, setTriggerValue }) {
  const here = parentElement.querySelector('.pulse')
  here.latest = { data, setTriggerValue }
  here.timer ??= setInterval(() => ask(here), data.pace_s * 1000)
}
