// One picture: buttons, double click or Ctrl+wheel zoom; dragging or the arrow keys move it.
const views = new WeakMap()

export default function ({ parentElement, data }) {
  const find = (selector) => parentElement.querySelector(selector)
  const stage = find('.stage')
  const picture = find('img')
  const view = views.get(parentElement) ?? { scale: 1, x: 0, y: 0 }
  views.set(parentElement, view)

  const apply = () => {
    const roomX = (picture.offsetWidth * (view.scale - 1)) / 2
    const roomY = (picture.offsetHeight * (view.scale - 1)) / 2
    view.x = Math.min(roomX, Math.max(-roomX, view.x))
    view.y = Math.min(roomY, Math.max(-roomY, view.y))
    picture.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.scale})`
    stage.classList.toggle('zoomed', view.scale > 1)
  }
  const zoom = (factor) => { view.scale = Math.min(8, Math.max(1, view.scale * factor)); apply() }
  const fit = () => { Object.assign(view, { scale: 1, x: 0, y: 0 }); apply() }

  if (view.url !== data.url) {
    view.url = data.url
    picture.src = data.url
    fit()
  }
  picture.alt = data.alt
  picture.width = data.width
  picture.height = data.height
  picture.style.height = 'auto'
  find('.words').textContent = data.caption
  for (const [name, factor] of [['in', 1.5], ['out', 1 / 1.5]]) {
    find(`.${name}`).onclick = () => zoom(factor)
    find(`.${name}`).setAttribute('aria-label', data.labels[name])
  }
  find('.fit').onclick = fit
  find('.fit').setAttribute('aria-label', data.labels.fit)

  stage.ondblclick = () => (view.scale > 1 ? fit() : zoom(2.5))
  stage.onwheel = (event) => {
    if (!event.ctrlKey) return
    event.preventDefault()
    zoom(event.deltaY < 0 ? 1.15 : 1 / 1.15)
  }
  stage.onkeydown = (event) => {
    const step = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] }[event.key]
    if (!step || view.scale === 1) return
    event.preventDefault()
    view.x += step[0]
    view.y += step[1]
    apply()
  }
  stage.onpointerdown = (event) => {
    if (view.scale === 1) return
    stage.setPointerCapture(event.pointerId)
    stage.classList.add('dragging')
    const start = { x: event.clientX - view.x, y: event.clientY - view.y }
    stage.onpointermove = (move) => {
      view.x = move.clientX - start.x
      view.y = move.clientY - start.y
      apply()
    }
  }
  stage.onpointerup = stage.onpointercancel = () => {
    stage.onpointermove = null
    stage.classList.remove('dragging')
  }
}
