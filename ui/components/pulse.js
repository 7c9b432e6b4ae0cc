// Asks now and then whether anything changed, and says so: an idle page costs no rerun.
const AGAIN_MS = 6000

async function ask(here) {
  if (!here.isConnected) return clearInterval(here.timer)
  if (document.hidden || here.isAsking) return
  const { data } = here.latest
  if (data.lively) return tell(here, `after ${data.token}`)
  here.isAsking = true
  try {
    const answer = await fetch(`${data.base}/pulse/${data.step_s}`, { cache: 'no-store' })
    if (!answer.ok) return
    const token = await answer.text()
    if (token !== here.latest.data.token) tell(here, token)
  } catch {
    // The server is away; Streamlit says so.
  } finally {
    here.isAsking = false
  }
}

// Says it once; again only when nothing has come of it for a while.
function tell(here, token) {
  if (token === here.told && Date.now() - here.toldAt < AGAIN_MS) return
  here.told = token
  here.toldAt = Date.now()
  here.latest.setTriggerValue('changed', token)
}

export default function ({ parentElement, data, setTriggerValue }) {
  const here = parentElement.querySelector('.pulse')
  here.latest = { data, setTriggerValue }
  here.timer ??= setInterval(() => ask(here), data.pace_s * 1000)
}
