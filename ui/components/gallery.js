// A grid of small pictures with a name, a caption and a state; tells which one was picked or removed.
export default function ({ parentElement, data, setTriggerValue }) {
  const list = parentElement.querySelector('.gallery')
  const make = (tag, className, text) => {
    const element = document.createElement(tag)
    element.className = className
    if (text !== undefined) element.textContent = text
    return element
  }

  const draw = (item) => {
    const entry = make('li', item.id === data.selected ? 'selected' : '')
    const tile = make(data.pickable ? 'button' : 'div', 'tile')
    if (data.pickable) {
      tile.type = 'button'
      tile.setAttribute('aria-pressed', item.id === data.selected)
      tile.onclick = () => setTriggerValue('picked', item.id)
    }
    tile.title = [item.name, item.caption].filter(Boolean).join(' · ')
    const frame = make('div', 'frame')
    if (item.url) {
      const picture = make('img', '')
      picture.src = item.url
      picture.alt = ''
      picture.loading = 'lazy'
      frame.append(picture)
    } else {
      frame.append(make('span', 'none', item.state === 'failed' ? '✕' : '…'))
    }
    const words = make('div', 'words')
    const name = make('div', 'name')
    if (item.state) {
      const dot = make('span', `dot ${item.state}`)
      dot.setAttribute('role', 'img')
      dot.setAttribute('aria-label', item.state_label)
      name.append(dot)
    }
    name.append(item.name)
    words.append(name, make('div', 'caption', item.caption || ' '))
    tile.append(frame, words)
    entry.append(tile)
    if (data.removable) {
      const remove = make('button', 'remove', '✕')
      remove.type = 'button'
      remove.setAttribute('aria-label', `${data.labels.remove}: ${item.name}`)
      remove.onclick = () => setTriggerValue('removed', item.id)
      entry.append(remove)
    }
    return entry
  }

  const fresh = JSON.stringify(data)
  if (list.dataset.drawn !== fresh) {
    const top = list.scrollTop
    list.replaceChildren(...data.items.map(draw))
    list.scrollTop = top
    list.dataset.drawn = fresh
  }
}
