// Brings what was just asked for into view, once for each token.
const arrived = new Set()

export default function ({ parentElement, data }) {
  if (!data.token || arrived.has(data.token)) return
  arrived.add(data.token)
  const calm = matchMedia('(prefers-reduced-motion: reduce)').matches
  parentElement.querySelector('.here').scrollIntoView({ behavior: calm ? 'auto' : 'smooth', block: 'start' })
}
