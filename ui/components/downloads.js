// Links that the browser saves as files while they are made: nothing passes through the page.
const LOOK_EVERY_MS = 400
const WAIT_MS = 10 * 60 * 1000

// The browser tells a page nothing about a download; the server sets a cookie when it begins.
function sayUntilItComes(link, { name, url, waiting }) {
  const click = Math.random().toString(36).slice(2, 10)
  const since = Date.now()
  link.href = `${url}?click=${click}`
  const timer = setInterval(() => {
    const isHere = document.cookie.includes(`tessera_file_${click}=`) || Date.now() - since > WAIT_MS
    link.textContent = isHere ? name : waiting
    link.setAttribute('aria-busy', !isHere)
    if (isHere || !link.isConnected) clearInterval(timer)
  }, LOOK_EVERY_MS)
}

export default function ({ parentElement, data }) {
  const box = parentElement.querySelector('.downloads')
  const fresh = JSON.stringify(data)
  if (box.dataset.drawn === fresh) return
  box.dataset.drawn = fresh
  const word = document.createElement('span')
  word.className = 'word'
  word.textContent = data.label
  box.setAttribute('aria-label', data.label)
  box.replaceChildren(word, ...data.files.map((file) => {
    const { name, url, help } = file
    const link = document.createElement('a')
    link.textContent = name
    link.href = url
    link.title = help
    link.setAttribute('download', '')
    link.addEventListener('click', (event) => {
      if (link.getAttribute('aria-busy') === 'true') event.preventDefault()
      else sayUntilItComes(link, file)
    })
    return link
  }))
}
