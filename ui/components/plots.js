// Plots over time. What is there stays there: new numbers only move lines, bars and words.
// It also asks now and then whether anything changed, and says so: an idle page costs no rerun.
const AGAIN_MS = 6000
const GAP = 0.12 // between bars, as a share of a step

const make = (tag, className = '', text = '') => {
  const element = document.createElement(tag)
  element.className = className
  element.textContent = text
  return element
}

const path = (className, steps, colour) => {
  const element = document.createElementNS('http://www.w3.org/2000/svg', 'path')
  element.setAttribute('class', className)
  element.setAttribute('d', steps.join(''))
  if (colour) element.style[className === 'bar' ? 'fill' : 'stroke'] = colour
  return element
}

const isKnown = (value) => value !== null && value !== undefined
const box = (x, y, height, gap) =>
  height > 0 ? `M${x + gap / 2} ${y}h${1 - gap}v${height}h${gap - 1}z` : ''

function lines({ traces, top }) {
  return traces.flatMap(({ values, colour }) => {
    const height = (value) => 1 - value / top
    const line = values.map((value, at) =>
      isKnown(value) ? `${isKnown(values[at - 1]) ? 'L' : 'M'}${at + 0.5} ${height(value)}` : '')
    // A value between two gaps has no line.
    const dots = values.map((value, at) =>
      isKnown(value) && !isKnown(values[at - 1]) && !isKnown(values[at + 1])
        ? `M${at + 0.5} ${height(value)}h0.001` : '')
    return [path('line', line, colour), path('dot', dots, colour)]
  })
}

function bars({ traces, top }) {
  const heights = []
  return traces.map(({ values, colour }) => {
    const steps = values.map((value, at) => {
      const height = (value ?? 0) / top
      heights[at] = (heights[at] ?? 0) + height
      return box(at, 1 - heights[at], height, GAP)
    })
    return path('bar', steps, colour)
  })
}

function heat({ traces, top }) {
  return traces.flatMap(({ values, colour }, row) => values.map((value, at) => {
    if (!value) return ''
    const cell = path('bar', [box(at, (row + 0.08) / traces.length, 0.84 / traces.length, 0)], colour)
    cell.style.fillOpacity = 0.3 + (0.7 * value) / top
    return cell
  })).filter(Boolean)
}

const DRAW = { lines, bars, heat }

function label(plot, tick) {
  const element = make('span', 'at', tick.text)
  element.style.bottom = `${tick.at * 100}%`
  return element
}

// The words beside a plot: ticks of the axis, or the name of each row.
function values(plot) {
  const rows = plot.traces.length
  const ticks = plot.kind === 'heat'
    ? plot.traces.map(({ name }, row) => ({ at: 1 - (row + 0.5) / rows, text: name }))
    : plot.ticks
  // The widest takes the room that the others, which are placed, do not take.
  return [...ticks.map((tick) => make('span', 'wide', tick.text)), ...ticks.map((tick) => label(plot, tick))]
}

function tip(card) {
  const { plot, frame, at } = card
  card.guide.hidden = card.tip.hidden = at === undefined
  if (at === undefined) return
  const { prefix, suffix, factor, digits } = plot.unit
  const row = ({ name, colour, values }) => {
    const line = make('div', 'row')
    const swatch = make('span', 'swatch')
    swatch.style.background = colour
    const number = values[at] * factor
    const shown = number.toLocaleString(frame.language, { maximumFractionDigits: digits })
    line.append(swatch, make('span', '', name), make('b', '', `${prefix}${shown}${suffix}`))
    return line
  }
  const told = plot.traces.filter(({ values }) => plot.kind === 'lines' ? isKnown(values[at]) : values[at])
  card.tip.replaceChildren(make('div', '', frame.times[at]), ...told.map(row))
  const place = (at + 0.5) / frame.times.length
  card.guide.style.left = `${place * 100}%`
  card.tip.style.left = place < 0.5 ? `calc(${place * 100}% + 8px)` : ''
  card.tip.style.right = place < 0.5 ? '' : `calc(${(1 - place) * 100}% + 8px)`
}

function makeCard() {
  const card = { element: make('section', 'card') }
  const find = (name, tag = 'div') => (card[name] = make(tag, name))
  card.svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
  card.svg.setAttribute('preserveAspectRatio', 'none')
  card.svg.setAttribute('role', 'img')
  find('area').append(card.svg, find('guide'), find('tip'))
  find('field').append(find('values'), card.area, find('times'))
  card.element.append(find('title'), find('without', 'p'), card.field, find('legend', 'ul'))
  const point = (event) => {
    const { left, width } = card.area.getBoundingClientRect()
    const steps = card.frame.times.length
    card.at = Math.min(steps - 1, Math.max(0, Math.floor(((event.clientX - left) / width) * steps)))
    tip(card)
  }
  card.area.addEventListener('pointermove', point)
  card.area.addEventListener('pointerdown', point)
  card.area.addEventListener('pointerleave', () => { card.at = undefined; tip(card) })
  return card
}

function drawCard(card, plot, frame) {
  Object.assign(card, { plot, frame })
  const isEmpty = plot.traces.length === 0
  card.element.className = `card ${plot.kind}`
  card.title.textContent = plot.title
  card.without.textContent = plot.without
  card.without.hidden = !isEmpty
  card.field.hidden = card.legend.hidden = isEmpty
  card.element.style.setProperty('--rows', plot.traces.length)
  card.svg.setAttribute('aria-label', plot.title)
  card.svg.setAttribute('viewBox', `0 0 ${frame.times.length} 1`)
  const grid = plot.ticks.map(({ at }) => `M0 ${1 - at}H${frame.times.length}`)
  card.svg.replaceChildren(path('grid', grid), ...DRAW[plot.kind](plot))
  card.values.replaceChildren(...values(plot))
  card.times.replaceChildren(...frame.ticks.map(({ at, text }) => {
    const element = make('span', '', text)
    element.style.left = `${at * 100}%`
    return element
  }))
  const named = plot.kind !== 'heat' && plot.traces.length > 1 ? plot.traces : []
  card.legend.replaceChildren(...named.map(({ name, colour }) => {
    const entry = make('li')
    const swatch = make('span', 'swatch')
    swatch.style.background = colour
    entry.append(swatch, name)
    return entry
  }))
  tip(card)
}

function draw(here, text) {
  if (text === here.drawn) return
  here.drawn = text
  const frame = text ? JSON.parse(text) : { plots: [] }
  here.cards ??= []
  while (here.cards.length < frame.plots.length) here.cards.push(makeCard())
  here.cards.length = frame.plots.length
  here.cards.forEach((card, at) => drawCard(card, frame.plots[at], frame))
  const shown = here.cards.map((card) => card.element)
  if (shown.length !== here.children.length) here.replaceChildren(...shown)
}

function wait(here, seconds) {
  clearTimeout(here.timer)
  here.timer = setTimeout(() => ask(here), seconds * 1000)
}

async function ask(here) {
  if (!here.isConnected) return
  const { data } = here.latest
  wait(here, data.pace_s)
  if (document.hidden || here.isAsking) return
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
  const here = parentElement.querySelector('.plots')
  here.latest = { data, setTriggerValue }
  draw(here, data.plots)
  wait(here, data.next_in_s)
}
